"""Reads the weights out of a Caffe model file: the old V1 layout and the new one alike."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from torch import Tensor

from phosphene.errors import WeightsError
from phosphene.networks.checkpoints import refuse_others

Kind = descriptor_pb2.FieldDescriptorProto

# message → field → (number, type, repeated); a type in quotes is another message of this table
_SCHEMA: dict[str, dict[str, tuple[int, int | str, bool]]] = {
    "BlobShape": {"dim": (1, Kind.TYPE_INT64, True)},
    "BlobProto": {
        "num": (1, Kind.TYPE_INT32, False),
        "channels": (2, Kind.TYPE_INT32, False),
        "height": (3, Kind.TYPE_INT32, False),
        "width": (4, Kind.TYPE_INT32, False),
        "data": (5, Kind.TYPE_FLOAT, True),
        "shape": (7, "BlobShape", False),
        "double_data": (8, Kind.TYPE_DOUBLE, True),
    },
    "V1LayerParameter": {"name": (4, Kind.TYPE_STRING, False), "blobs": (6, "BlobProto", True)},
    "LayerParameter": {"name": (1, Kind.TYPE_STRING, False), "blobs": (7, "BlobProto", True)},
    "NetParameter": {
        "name": (1, Kind.TYPE_STRING, False),
        "layers": (2, "V1LayerParameter", True),
        "layer": (100, "LayerParameter", True),
    },
}


@cache
def message(name: str) -> type[Any]:
    """The protobuf class of one of Caffe's messages."""
    file = descriptor_pb2.FileDescriptorProto(name="phosphene/caffe.proto", package="caffe", syntax="proto2")
    for title, fields in _SCHEMA.items():
        described = file.message_type.add(name=title)
        for field, (number, kind, repeated) in fields.items():
            entry: Any = described.field.add(name=field, number=number)
            entry.label = Kind.LABEL_REPEATED if repeated else Kind.LABEL_OPTIONAL
            if isinstance(kind, str):
                entry.type, entry.type_name = Kind.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                entry.type, entry.options.packed = kind, repeated
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))


def read(path: Path) -> dict[str, list[Tensor]]:
    """Layer name → its blobs (weight `[out, in, height, width]`, bias `[out]`), float32.

    A file that is no Caffe model, or a damaged one, is a `WeightsError`.
    """
    refuse_others(path)
    net = message("NetParameter")()
    try:
        net.ParseFromString(path.read_bytes())
    except (DecodeError, OSError) as error:
        raise WeightsError(f"{path} is not a Caffe model, or is damaged ({error}). {AGAIN}") from error
    layers: Iterable[Any] = [*net.layers, *net.layer]
    blobs = {layer.name: [_tensor(blob, layer.name) for blob in layer.blobs] for layer in layers if layer.blobs}
    if not blobs:
        raise WeightsError(f"{path} holds no weights: it is not a Caffe model, or is damaged. {AGAIN}")
    return blobs


AGAIN = "Fetch it again with: phosphene networks get googlenet --force"


def _tensor(blob: Any, name: str) -> Tensor:
    shape = list(blob.shape.dim) or [blob.num, blob.channels, blob.height, blob.width]
    numbers = np.array(blob.data if len(blob.data) else blob.double_data, dtype=np.float32)
    if numbers.size != np.prod(shape):
        raise WeightsError(f"Layer {name!r} should hold {shape} numbers and holds {numbers.size}. {AGAIN}")
    return torch.from_numpy(numbers.reshape(shape))
