"""One picture and one prompt, read once up to the hook: what every run, steered or not, starts from.

Shape suffixes: ``B`` rows of a batch, ``T`` tokens of an answer, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from tb_visualscratchpad.exporter.greedy_decoding import LOGITS_AT_ONCE
from tb_visualscratchpad.exporter.hooks import resuming
from tb_visualscratchpad.exporter.latent_edits import LatentEdit, ReadFeatures
from tb_visualscratchpad.exporter.out_of_memory import memory_in_a_sentence
from tb_visualscratchpad.exporter.pictures import PictureSource, read_picture
from tb_visualscratchpad.exporter.prompt_cache import CacheFilled, PromptCache
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.token_logprobs import logprobs_along
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap, LatentActivations, Span


@dataclass(frozen=True, eq=False)
class Prefilled:
    """The prompt under one or several conditions, read by the text model: ``cache`` and what its last position predicts, [B, V]."""

    cache: PromptCache
    logits_BV: torch.Tensor


class AskedPicture:
    """A picture and a prompt, with the vision features at the SAE's hook computed once.

    Attributes:
        dictionary: identity of the SAE at the hook.
        picture: upright RGB.
        prepared: tokens of the prompt and the processor's inputs.
        point, state: the hook, and what stands there.
        read: the features [views, grid * grid, d] and their latents.

    Raises:
        ScratchpadError: an unreadable picture, a prompt the model cannot be asked, an SAE that does not fit, or too little memory.
    """

    def __init__(
        self, vlm: Vlm, sae: SparseAutoencoder, image: PictureSource, prompt: str, *, hook: str | None = None, system: str | None = None
    ) -> None:
        self.vlm, self.sae, self.prompt, self.system = vlm, sae, prompt, system
        self.dictionary = dictionary_info(vlm, sae, hook)
        self.picture = read_picture(image)
        self.prepared = vlm.prepare_prompt(self.picture, prompt, system=system)
        self.point = vlm.hook_point(self.dictionary.hook)
        with memory_in_a_sentence(vlm.device, self.n_prompt):
            self.state = vlm.vision_state(self.prepared.picture.pixel_values, self.dictionary.hook)
        self.read = ReadFeatures(sae, self.point.patches(self.state.hidden), self.image_tokens)

    @property
    def features(self) -> torch.Tensor:
        """[views, grid * grid, d] at the hook, class token left out, in the model's type, on its device."""
        return self.read.features

    @property
    def latents(self) -> LatentActivations:
        """z of every patch."""
        with memory_in_a_sentence(self.vlm.device, self.n_prompt):
            return self.read.latents

    @property
    def image_tokens(self) -> ImageTokenMap:
        """Where patches and image tokens lie on the picture."""
        return self.prepared.picture.image_tokens

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt, image tokens included."""
        return len(self.prepared.tokens)

    @property
    def input_ids(self) -> torch.Tensor:
        """int64 [1, n_prompt], where the text model's embeddings live."""
        return self.prepared.input_ids.to(self.vlm.text_model.get_input_embeddings().weight.device)

    def edit(self, spec: SteeringSpec) -> LatentEdit:
        """What ``spec`` does to this picture's latents.

        Raises:
            ScratchpadError: a latent the dictionary does not have, or a hook behind what the projector reads.
        """
        if not self.point.reaches_projector:
            raise ScratchpadError(
                f"The hook {self.point.name} lies behind what the projector reads ({self.vlm.default_hook}), so steering there cannot change "
                "the answer: use an SAE of an earlier hook."
            )
        with memory_in_a_sentence(self.vlm.device, self.n_prompt):
            return self.read.edit(spec)

    def embeddings(self, features: torch.Tensor | None = None) -> torch.Tensor:
        """What the text model reads, [1, n_prompt, width], when ``features`` [views, grid * grid, d] stand at the hook.

        The tower's layers before the hook do not run. Gradients flow to ``features`` where torch records them.

        Args:
            features: the picture's own by default.
        """
        state = self.state if features is None else self.state.with_patches(self.point, features)
        with resuming(self.point, state):
            image = self.vlm.image_embeddings(self.prepared.picture.image_inputs)
        text = self._text_embeddings
        place = self._image_places.to(text.device)
        return text.index_copy(1, place, image.to(device=text.device, dtype=text.dtype)[None])

    @cached_property
    @torch.no_grad()
    def _text_embeddings(self) -> torch.Tensor:
        return self.vlm.text_model.get_input_embeddings()(self.input_ids)

    @cached_property
    def _image_places(self) -> torch.Tensor:
        return torch.tensor([token.index for token in self.prepared.tokens if token.span is Span.IMAGE])

    def new_cache(self, max_new_tokens: int) -> PromptCache:
        """An empty cache with room for the prompt and so many more tokens (at first 256: most answers are short)."""
        return PromptCache(self.vlm.text_model.config.num_hidden_layers, self.n_prompt + min(max_new_tokens, 256))

    @torch.no_grad()
    def prefill_whole(self, embeddings: torch.Tensor, cache: PromptCache) -> Prefilled:
        """Reads the whole prompt at once, so that every row of every layer can be watched."""
        logits = self.vlm.model(inputs_embeds=embeddings, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        return Prefilled(cache, logits[:, -1])

    @torch.no_grad()
    def prefill_keys(self, embeddings: torch.Tensor, cache: PromptCache) -> None:
        """Fills an empty cache with all positions but the last, and computes nothing that only their logits would need.

        What precedes the picture is the same under all conditions and read once.
        """
        n_before = int(self._image_places[0])
        if n_before:
            cache.put_row(0, 1, self._before_picture)
        self._fill(embeddings[:, n_before:-1], cache)

    @cached_property
    def _before_picture(self) -> PromptCache:
        n_before = int(self._image_places[0])
        cache = PromptCache(self.vlm.text_model.config.num_hidden_layers, n_before)
        with torch.no_grad():
            self._fill(self._text_embeddings[:, :n_before], cache)
        return cache

    def _fill(self, embeddings: torch.Tensor, cache: PromptCache) -> None:
        cache.stop_when_filled = True
        try:
            self.vlm.model(inputs_embeds=embeddings, past_key_values=cache, use_cache=True, logits_to_keep=1)
        except CacheFilled:
            pass
        finally:
            cache.stop_when_filled = False

    @torch.no_grad()
    def along(self, prefilled: Prefilled, token_ids: Sequence[int]) -> np.ndarray:
        """float64 [B, T], never positive: log-probability of each token of an answer given the prompt and the tokens before it.

        The cache goes back to the prompt first; afterwards it holds the answer.
        """
        prefilled.cache.go_back_to(self.n_prompt)
        n_rows, n_words = prefilled.logits_BV.shape
        if not token_ids:
            return np.zeros((n_rows, 0))
        answer = torch.tensor(list(token_ids), device=self.input_ids.device)
        found = [logprobs_along(prefilled.logits_BV[:, None], answer[:1])]
        at_once = max(1, LOGITS_AT_ONCE // (n_rows * n_words))
        for start in range(0, len(token_ids) - 1, at_once):
            fed = answer[start : min(start + at_once, len(token_ids) - 1)]
            logits = self.vlm.model(
                input_ids=fed[None].expand(n_rows, -1), past_key_values=prefilled.cache, use_cache=True, logits_to_keep=len(fed)
            ).logits
            found.append(logprobs_along(logits, answer[start + 1 : start + 1 + len(fed)]))
        return torch.cat(found, dim=1).numpy()
