"""How well the trust maps find what a restoration made up, and how suspicious good restorations look."""
