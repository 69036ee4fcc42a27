"""``ImageTokenMap`` as a message."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.evidence import ImageTokenMap


def encode_image_tokens(tokens: ImageTokenMap) -> pb.ImageTokenMap:
    return pb.ImageTokenMap(
        width=tokens.width,
        height=tokens.height,
        grid=tokens.grid,
        tile_rows=tokens.tile_rows,
        tile_columns=tokens.tile_columns,
        patch_box=to_message(tokens.patch_box_P4.astype(np.float32)),
        patch_token=to_message(tokens.patch_token_P.astype(np.int32)),
        token_patch=to_message(tokens.token_patch_I.astype(np.int32)),
        token_image=to_message(tokens.token_image_I.astype(np.int32)),
    )


def decode_image_tokens(message: pb.ImageTokenMap) -> ImageTokenMap:
    return ImageTokenMap(
        width=message.width,
        height=message.height,
        grid=message.grid,
        tile_rows=message.tile_rows,
        tile_columns=message.tile_columns,
        patch_box_P4=from_message(message.patch_box, np.float32),
        patch_token_P=from_message(message.patch_token, np.int32),
        token_patch_I=from_message(message.token_patch, np.int32),
        token_image_I=from_message(message.token_image, np.int32),
    )
