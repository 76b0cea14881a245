"""Opens image files with Pillow: 8 bits a channel, upright, as red, green and blue."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError

# By name, because Pillow would start programs for some others (PostScript).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"})
_FIX = "store it as a still PNG or JPEG of 8 bits a channel, or take it away"


def read_pixels(path: Path) -> np.ndarray:
    """The pixels (height, width, 3) of an image file as uint8, turned as its EXIF says.

    Raises InputError for what is no image, moves, has more than 8 bits a channel or other colours than grey and RGB,
    lets through what is behind it, or is so large that opening it may exhaust the memory.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                _require_plain(image, path)
                upright = ImageOps.exif_transpose(image)
                _require_opaque(upright, path)
                return np.asarray(upright.convert("RGB"))
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no image in {', '.join(_FORMATS)}", fix=_FIX) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is too large to be opened safely: {error}", fix="make it smaller") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be decoded: {error}", fix=_FIX) from error


def _require_plain(image: Image.Image, path: Path) -> None:
    # A phone's JPEG may be an MPO, which holds the picture and then others of the same moment, as for depth.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise InputError(f"{path} holds several pictures", fix=_FIX)
    # Pillow opens 16 bits a channel as RGB of 8; what the file has stands in how it would be decoded.
    deep = any(";16" in str(tile) for tile in getattr(image, "tile", ()))
    if deep or image.mode not in _MODES:
        bits = "more than 8 bits a channel" if deep or image.mode[0] in "IF" else f"colours in {image.mode}"
        raise InputError(f"{path} has {bits}", fix=_FIX)


def _require_opaque(image: Image.Image, path: Path) -> None:
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise InputError(f"{path} has transparent pixels, and nothing says what is behind them", fix=_FIX)
