"""Reads and writes safetensors files: 8 bytes of header length (little endian), a JSON header padded with spaces,
then the packed tensors. Only what the golden files need: float32 and uint8, metadata of strings."""

import json
import os
import struct

import numpy

_NAMES = {"float32": "F32", "uint8": "U8"}
_TYPES = {name: numpy.dtype(kind) for kind, name in _NAMES.items()}


def save(path, tensors, metadata):
    """tensors: name -> array (float32 or uint8; anything else becomes float32). metadata: name -> str()."""
    header = {"__metadata__": {key: str(value) for key, value in metadata.items()}}
    chunks, offset = [], 0
    for name, array in tensors.items():
        array = numpy.asarray(array)
        if array.dtype.name not in _NAMES:
            array = array.astype(numpy.float32)
        data = array.tobytes()  # C order; keeps the shape [] of scalars
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(chunks)
    os.replace(temporary, path)


def load(path):
    """Returns (tensors, metadata)."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[begin:end], _TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata
