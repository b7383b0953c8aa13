"""The OME-XML of an OME-TIFF: what it claims about planes, its calibration, and our own annotation in it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from napari_restoration.core.errors import InputError
from napari_restoration.core.io.units import display_unit, micrometers_in, seconds_in
from napari_restoration.core.provenance import KEY, to_json

NAMESPACE = "napari-restoration"
_LARGEST_XML = 256 * 2**20
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class PlaneBlock:
    """Planes that a ``TiffData`` element places: the first directory, how many, and the file if it is another."""

    first: int
    count: int
    file_name: str | None


@dataclass(frozen=True)
class OmeImage:
    """The first image that an OME-XML describes.

    Parameters
    ----------
    sizes : mapping of str to int
        Length of X, Y, Z, C and T; C counts pages, not the samples within them.
    planes : int
        Pages that the sizes make.
    blocks : list of PlaneBlock
        Where the pages are.
    calibration : mapping
        Keyword arguments of `CalibratedImage`.
    """

    sizes: Mapping[str, int]
    planes: int
    blocks: list[PlaneBlock]
    calibration: Mapping[str, Any] = field(default_factory=dict)


def parse_ome(xml: str, name: str) -> list[OmeImage]:
    """Read what an OME-XML says about each of its images.

    Parameters
    ----------
    xml : str
        The text of the ImageDescription.
    name : str
        The file, for messages.

    Returns
    -------
    list of OmeImage
        Empty if the XML only refers to another file.

    Raises
    ------
    InputError
        If it is no XML, defines entities, or lacks sizes.
    """
    if len(xml) > _LARGEST_XML or re.search(r"<!(DOCTYPE|ENTITY)", xml[:_LARGEST_XML]):
        raise InputError(f"{name}: its OME-XML defines entities or is absurdly long, so it is not read.")
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise InputError(
            f"{name}: its OME-XML is damaged ({error}); save it again in its program."
        ) from error
    annotation = _own_annotation(root)
    images: list[OmeImage] = []
    for pixels in root.iterfind("./{*}Image/{*}Pixels"):
        try:
            images.append(_image(pixels, root.get("UUID"), name, annotation if not images else {}))
        except (KeyError, ValueError, OverflowError) as error:
            raise InputError(
                f"{name}: its OME-XML lacks or misspells a size ({error}); save it again in its program."
            ) from error
    return images


def legal_text(text: str) -> str:
    """Text with blanks for the characters that XML cannot hold, such as control characters in a file's name."""
    return _ILLEGAL.sub(" ", text)


def annotate(
    xml: str, provenance: Mapping[str, Any] | None, extra: Mapping[str, Any], plane: Mapping[str, str]
) -> bytes:
    """Add our annotation, and attributes of the first plane, to an OME-XML.

    Parameters
    ----------
    xml : str
        As tifffile writes it.
    provenance : mapping, optional
        The record of the result.
    extra : mapping
        What OME has no place for, such as which axes of length 1 the image has.
    plane : mapping
        Attributes of the first plane, such as ``PositionX``; empty for none.

    Returns
    -------
    bytes
        ASCII text.
    """
    root = ElementTree.fromstring(xml)
    schema = root.tag[1:].split("}")[0]
    ElementTree.register_namespace("", schema)
    image = root.find(f"{{{schema}}}Image")
    pixels = root.find(f"{{{schema}}}Image/{{{schema}}}Pixels")
    if image is None or pixels is None:
        raise ValueError("the OME-XML describes no image")
    if plane:
        ElementTree.SubElement(pixels, f"{{{schema}}}Plane", {"TheZ": "0", "TheC": "0", "TheT": "0", **plane})
    annotations = ElementTree.SubElement(root, f"{{{schema}}}StructuredAnnotations")
    own = ElementTree.SubElement(
        annotations,
        f"{{{schema}}}XMLAnnotation",
        {"ID": "Annotation:napari-restoration", "Namespace": NAMESPACE},
    )
    value = ElementTree.SubElement(own, f"{{{schema}}}Value")
    content = dict(extra) if provenance is None else {**extra, KEY: provenance}
    ElementTree.SubElement(value, f"{{{NAMESPACE}}}record").text = to_json(content)
    ElementTree.SubElement(image, f"{{{schema}}}AnnotationRef", {"ID": "Annotation:napari-restoration"})
    text: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text


def _own_annotation(root: ElementTree.Element) -> Mapping[str, Any]:
    for annotation in root.iterfind("./{*}StructuredAnnotations/{*}XMLAnnotation"):
        if annotation.get("Namespace") == NAMESPACE:
            text = "".join(annotation.itertext()).strip()
            try:
                content = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(content, dict):
                return content
    return {}


def _image(
    pixels: ElementTree.Element, own_uuid: str | None, name: str, annotation: Mapping[str, Any]
) -> OmeImage:
    sizes = {axis: int(pixels.attrib[f"Size{axis}"]) for axis in "XYZCT"}
    if min(sizes.values()) < 1:
        raise ValueError(f"sizes {sizes}")
    channels = pixels.findall("./{*}Channel")
    samples = int(channels[0].get("SamplesPerPixel", 1)) if channels else 1
    if samples < 1 or sizes["C"] % samples:
        raise ValueError(f"SizeC {sizes['C']} of {samples} samples")
    sizes["C"] //= samples
    planes = math.prod(sizes[axis] for axis in "ZCT")
    blocks = []
    for data in pixels.iterfind("./{*}TiffData"):
        uuid = data.find("./{*}UUID")
        elsewhere = (
            uuid is not None and uuid.text is not None and uuid.text != own_uuid and own_uuid is not None
        )
        file_name = uuid.get("FileName") if uuid is not None and elsewhere else None
        whole = planes if "IFD" not in data.attrib else 1
        blocks.append(PlaneBlock(int(data.get("IFD", 0)), int(data.get("PlaneCount", whole)), file_name))
    return OmeImage(sizes, planes, blocks, _calibration(pixels, channels, annotation))


def _calibration(
    pixels: ElementTree.Element, channels: list[ElementTree.Element], annotation: Mapping[str, Any]
) -> dict[str, Any]:
    sizes, unit = {}, "um"
    for axis in "ZYX":
        value = _length(pixels, f"PhysicalSize{axis}", "µm")
        if value is not None and value > 0:
            sizes[axis] = value
            unit = display_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    interval = _number(pixels.get("TimeIncrement"))
    seconds = seconds_in(pixels.get("TimeIncrementUnit", "s"))
    origin = {}
    for plane in pixels.iterfind("./{*}Plane"):
        if all(plane.get(f"The{axis}", "0") == "0" for axis in "ZCT"):
            positions = {axis: _length(plane, f"Position{axis}", "reference frame") for axis in "ZYX"}
            origin = {axis: position for axis, position in positions.items() if position is not None}
            break
    metadata: dict[str, Any] = {}
    names = [channel.get("Name") for channel in channels]
    if names and all(names):
        metadata["channels"] = names
    if KEY in annotation:
        metadata["provenance"] = annotation[KEY]
    if isinstance(annotation.get("axes"), str):
        metadata["axes"] = annotation["axes"]
    return {
        "pixel_size_um": sizes,
        "display_unit": unit,
        "time_interval_s": interval * seconds if interval and seconds and interval > 0 else None,
        "origin_um": origin,
        "metadata": metadata,
    }


def _length(element: ElementTree.Element, key: str, default_unit: str) -> float | None:
    value = _number(element.get(key))
    factor = micrometers_in(element.get(f"{key}Unit", default_unit))
    return None if value is None or factor is None else value * factor


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
