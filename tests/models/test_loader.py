"""A model that does not keep its card's promises is refused, and running out of memory is told apart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_restoration.core.errors import InputError, ModelError, TileTooLarge
from napari_restoration.models import devices, loader
from napari_restoration.models.loader import RestorationModel, load_model

SaveTiny = Callable[..., Path]


def edit_card(folder: Path, **changes: Any) -> Path:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


class TestWeights:
    def test_a_changed_byte_is_found(self, save_tiny: SaveTiny) -> None:
        folder = save_tiny("care")
        content = bytearray((folder / "weights.safetensors").read_bytes())
        content[-1] ^= 1
        (folder / "weights.safetensors").write_bytes(content)
        with pytest.raises(ModelError, match="SHA-256"):
            load_model(folder, device="cpu")

    def test_a_card_that_misstates_the_size_is_refused(self, save_tiny: SaveTiny) -> None:
        with pytest.raises(ModelError, match="size differ"):
            load_model(edit_card(save_tiny("care"), weights_bytes=10), device="cpu")

    def test_weights_without_a_stated_hash_are_refused(self, save_tiny: SaveTiny) -> None:
        with pytest.raises(ModelError, match="SHA-256"):
            load_model(edit_card(save_tiny("care"), weights_sha256=""), device="cpu")

    def test_a_misfit_lists_three_of_each_kind_and_the_network(self, save_tiny: SaveTiny) -> None:
        def change(state: dict[str, Any]) -> None:
            for name in list(state)[:5]:
                del state[name]
            state["surplus"] = np.zeros(2)
            state["mean.weight"] = np.zeros((1, 9, 1, 1))

        with pytest.raises(ModelError) as caught:
            load_model(save_tiny("care", change=change), device="cpu")
        message = str(caught.value)
        assert (
            "5 missing (encoder.0.0.conv.weight, encoder.0.0.conv.bias, encoder.0.1.conv.weight, ...)"
            in message
        )
        assert "1 extra (surplus)" in message
        assert "mean.weight (1, 9, 1, 1) instead of (1, 8, 1, 1)" in message
        assert "care(base=8, kernel=3)" in message

    def test_weights_that_are_not_finite_are_named(
        self, save_tiny: SaveTiny, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def change(state: dict[str, Any]) -> None:
            state["middle.0.conv.weight"].flat[3] = np.nan

        monkeypatch.setattr("numpy.isfinite", lambda value: np.array(True))  # let the store write them
        folder = save_tiny("care", change=change)
        monkeypatch.undo()
        with pytest.raises(ModelError, match=r"NaN or infinity in 'middle\.0\.conv\.weight'"):
            load_model(folder, device="cpu")

    def test_finite_weights_with_infinite_results_are_refused(self, save_tiny: SaveTiny) -> None:
        def change(state: dict[str, Any]) -> None:
            for value in state.values():
                value *= 1e30

        with pytest.raises(ModelError, match="gives NaN or infinity"):
            load_model(save_tiny("care", change=change), device="cpu")

    def test_loading_draws_no_random_numbers(self, save_tiny: SaveTiny) -> None:
        folder = save_tiny("rrdb")
        before = torch.get_rng_state()
        load_model(folder, device="cpu")
        assert torch.equal(torch.get_rng_state(), before)

    def test_a_loaded_network_is_at_rest(self, save_tiny: SaveTiny) -> None:
        network = load_model(save_tiny("bdu"), device="cpu").network
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


class TestPromises:
    @pytest.mark.parametrize(
        ("arch", "lie"),
        [
            ("rrdb", {"scale": 1}),
            ("care", {"scale": 2}),
            ("care", {"in_channels": 2}),
            ("care", {"out_channels": 2}),
            ("care", {"laplace_scale": False}),
            ("care", {"ndim": 3}),
            ("care", {"size_multiple": 2}),
            ("care", {"receptive_field": 3, "halo": 3}),
            ("care", {"frames": 3}),
            ("bdu", {"frames": None}),
            ("resnet", {"whole_image": False}),
        ],
    )
    def test_a_lie_is_named(self, arch: str, lie: dict[str, Any], save_tiny: SaveTiny) -> None:
        with pytest.raises(ModelError, match=f"gives {next(iter(lie))}"):
            load_model(edit_card(save_tiny(arch), **lie), device="cpu")

    def test_what_the_network_really_gives_is_looked_at(
        self, save_tiny: SaveTiny, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loader, "read_network", lambda card, path: torch.nn.Identity())
        with pytest.raises(ModelError, match=r"its network has \(1, 2, 64, 64\)"):
            load_model(save_tiny("care"), device="cpu")

    @pytest.mark.parametrize("args", [{"base": 10**9}, {"bass": 8}, {"kernel": "x"}])
    def test_settings_that_no_network_has_are_refused(
        self, args: dict[str, Any], save_tiny: SaveTiny
    ) -> None:
        with pytest.raises(ModelError, match="Architecture 'care'"):
            load_model(edit_card(save_tiny("care"), arch_args=args), device="cpu")

    def test_an_unknown_network_is_refused(self, save_tiny: SaveTiny) -> None:
        with pytest.raises(ModelError, match="'vit' is unknown"):
            load_model(edit_card(save_tiny("care"), arch="vit"), device="cpu")

    def test_huge_settings_allocate_nothing(self, save_tiny: SaveTiny) -> None:
        args = {"maps": 256, "growth": 128, "blocks": 64}  # 5 GB of weights
        folder = edit_card(save_tiny("rrdb"), arch_args=args, receptive_field=963, halo=963)
        with pytest.raises(ModelError, match="misshaped"):
            load_model(folder, device="cpu")


class TestPredict:
    @pytest.mark.parametrize(
        ("arch", "shape"),
        [
            ("care", (1, 2, 8, 8)),
            ("care", (1, 8, 8)),
            ("care", (1, 1, 1, 8, 8)),
            ("care", (1, 1, 0, 8)),
            ("bdu", (1, 1, 8, 8)),
            ("bdu", (1, 9, 1, 8, 8)),
            ("bdu", (1, 0, 1, 8, 8)),
        ],
    )
    def test_another_shape_is_refused(self, arch: str, shape: tuple[int, ...], save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny(arch), device="cpu")
        with pytest.raises(InputError, match="takes"):
            model.predict(np.zeros(shape, np.float32))

    @pytest.mark.parametrize("frames", [1, 2, 8])
    def test_bursts_may_be_shorter_and_longer_than_usual(self, frames: int, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("bdu"), device="cpu")
        assert model.predict(np.ones((1, frames, 1, 9, 9), np.float32)).shape == (1, 1, 9, 9)

    def test_volumes_of_any_size_come_back(self, save_tiny: SaveTiny) -> None:
        args = {"ndim": 3, "base": 2, "kernel": 3, "depth": 1}
        model = load_model(save_tiny("care", args=args), device="cpu")
        assert model.predict(np.ones((1, 1, 3, 5, 7), np.float32)).shape == (1, 2, 3, 5, 7)

    def test_padding_reflects_at_the_far_ends(self, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("care"), device="cpu")
        image = np.random.default_rng(0).random((1, 1, 30, 31), dtype=np.float32)
        padded = np.pad(image, ((0, 0), (0, 0), (0, 2), (0, 1)), mode="reflect")
        np.testing.assert_array_equal(model.predict(image), model.predict(padded)[..., :30, :31])

    @pytest.mark.parametrize("kind", ["read-only", "strided", "float64", "big-endian"])
    def test_any_memory_layout_gives_the_same(self, kind: str, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("care"), device="cpu")
        image = np.random.default_rng(0).random((1, 1, 16, 16), dtype=np.float32)
        other: Any = image.copy()
        if kind == "read-only":
            other.flags.writeable = False
        elif kind == "strided":
            other = np.asfortranarray(np.flip(image, -1).copy()[..., ::-1])
        else:
            other = image.astype(np.float64 if kind == "float64" else ">f4")
        np.testing.assert_array_equal(model.predict(other), model.predict(image))

    def test_the_input_is_not_changed(self, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("c2f"), device="cpu")
        image = np.random.default_rng(0).random((1, 1, 16, 16), dtype=np.float32)
        before = image.copy()
        model.predict(image)
        assert np.array_equal(image, before)


class Failing(torch.nn.Module):
    """Fails like a device whose memory is full, once asked for more than the probe."""

    def __init__(self, network: torch.nn.Module, error: Exception) -> None:
        super().__init__()
        self.network, self.error = network, error

    def forward(self, x: torch.Tensor) -> Any:
        if x.shape[-1] > 64:
            raise self.error
        return self.network(x)


class TestMemory:
    @pytest.mark.parametrize(
        "error",
        [
            MemoryError(),
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"
            ),
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
            RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
            RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
            RuntimeError("std::bad_alloc"),
        ],
        ids=str,
    )
    def test_running_out_of_memory_asks_for_a_smaller_tile(
        self, error: Exception, save_tiny: SaveTiny
    ) -> None:
        model = load_model(save_tiny("care"), device="cpu")
        model.network = Failing(model.network, error)
        with pytest.raises(TileTooLarge, match=r"128 x 72 pixels.*cpu"):
            model.predict(np.zeros((1, 1, 128, 72), np.float32))
        assert model.predict(np.zeros((1, 1, 16, 16), np.float32)).shape == (1, 2, 16, 16)

    def test_another_error_stays_what_it_is(self, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("care"), device="cpu")
        model.network = Failing(model.network, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        with pytest.raises(RuntimeError, match="mat1"):
            model.predict(np.zeros((1, 1, 128, 128), np.float32))

    def test_a_window_that_no_memory_holds_is_too_large(self, save_tiny: SaveTiny) -> None:
        # A view of one zero: the window itself takes no memory, the network's first map would take 2 EB.
        model = load_model(save_tiny("rrdb"), device="cpu")
        window = np.broadcast_to(np.float32(0), (1, 1, 2**27, 2**26))
        with pytest.raises(TileTooLarge):
            model.predict(window)

    @pytest.mark.parametrize("arch", ["bdu", "c2f", "care", "rrdb"])
    def test_the_estimate_grows_with_the_window(self, arch: str, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny(arch), device="cpu")
        small, large = model.estimate_bytes((1, 1, 256, 256)), model.estimate_bytes((1, 1, 512, 512))
        assert large == pytest.approx(4 * small, rel=0.01)
        assert small > 256 * 256 * 4 * 2  # at least input and output

    def test_the_estimate_grows_with_the_frames(self, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("bdu"), device="cpu")
        assert model.estimate_bytes((8, 1, 64, 64)) > 3 * model.estimate_bytes((2, 1, 64, 64))
        assert model.estimate_bytes((64, 64)) == model.estimate_bytes((3, 1, 64, 64))


class TestDevice:
    def test_auto_is_a_device_that_is_there(self) -> None:
        name, notice = loader.resolve_device("auto")
        assert name == devices.available_devices()[0]
        assert notice is None

    @pytest.mark.parametrize("name", ["cuda:97", "gpu", "", "cpu:1"])
    def test_an_absent_device_lists_those_present(self, name: str) -> None:
        with pytest.raises(InputError, match=r"present are .*cpu"):
            loader.resolve_device(name)

    @pytest.mark.parametrize(
        ("precision", "reason"), [("fp16", "not available on cpu"), ("fp8", "known are fp32, bf16, fp16")]
    )
    def test_a_precision_the_device_lacks_is_refused(
        self, precision: Any, reason: str, save_tiny: SaveTiny
    ) -> None:
        with pytest.raises(InputError, match=reason):
            load_model(save_tiny("care"), device="cpu", precision=precision)

    def test_a_model_on_the_cpu_has_nothing_to_fall_back_to(self, save_tiny: SaveTiny) -> None:
        model = load_model(save_tiny("care"), device="cpu")
        assert not model.fall_back_to_cpu()
        assert model.notices == []

    def test_falling_back_goes_on_in_full_precision_and_says_so(self, save_tiny: SaveTiny) -> None:
        loaded = load_model(save_tiny("care"), device="cpu")
        image = np.random.default_rng(0).random((1, 1, 16, 16), dtype=np.float32)
        expected = loaded.predict(image)
        model = RestorationModel(loaded.card, loaded.network, device="cpu")
        model.device, model.precision = "cuda:0", "fp16"  # as if it had been loaded there
        assert model.fall_back_to_cpu()
        assert (model.device, model.precision) == ("cpu", "fp32")
        assert model.notices == ["cuda:0 could not be used any more: the CPU does the rest, in fp32."]
        np.testing.assert_array_equal(model.predict(image), expected)

    @pytest.mark.gpu
    def test_an_accelerator_agrees_with_the_cpu(self, save_tiny: SaveTiny) -> None:
        if devices.available_devices()[0] == "cpu":
            pytest.skip("no accelerator")
        for arch in ("bdu", "c2f", "care", "rrdb"):
            folder = save_tiny(arch)
            cpu, other = load_model(folder, device="cpu"), load_model(folder, device="auto")
            frames = (3,) if cpu.card.frames else ()
            image = np.random.default_rng(0).random((2, *frames, 1, 70, 90), dtype=np.float32)
            np.testing.assert_allclose(other.predict(image), cpu.predict(image), atol=1e-4)
