"""From what the user asks to the token sequence the model reads, with spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span, Token

# Private-use characters: no template, tokenizer or user writes them by accident.
_PROMPT_MARK = "\ue000scratchpadprompt\ue001"
_ANSWER_MARK = "\ue000scratchpadanswer\ue001"
_SYSTEM_MARK = "\ue000scratchpadsystem\ue001"

Message = dict[str, Any]


@dataclass(frozen=True)
class RenderedPrompt:
    """The chat template's text and which characters of it are what.

    Attributes:
        text: with one image placeholder.
        system_end: characters before it belong to the system part (0 where the template has none).
        prompt_start, prompt_end: the user's own words.
    """

    text: str
    system_end: int
    prompt_start: int
    prompt_end: int


def _message(role: str, *content: str) -> Message:
    return {"role": role, "content": [{"type": "image"} if part == "image" else {"type": "text", "text": part} for part in content]}


class ChatTemplate:
    """A chat template bound to a processor.

    Args:
        processor: with a tokenizer.
        template: Jinja text; None takes the processor's or the tokenizer's own.
        image_token: the placeholder the template writes for a picture.

    Raises:
        ScratchpadError: there is none, or it does not place the picture.
    """

    def __init__(self, processor: Any, template: str | None, image_token: str) -> None:
        self._processor = processor
        self._image_token = image_token
        own = getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)
        self._template = template or (own.get("default") if isinstance(own, dict) else own)
        if not self._template:
            raise ScratchpadError(
                "This model has no chat template, so how a picture and a prompt are put to it is unknown: give --chat-template "
                "with a Jinja file, for LLaVA-1.5 for example one that renders 'USER: <image>\\n... ASSISTANT:'."
            )
        marked = self._render([_message("user", "image", _PROMPT_MARK)])
        if marked.count(image_token) != 1 or marked.count(_PROMPT_MARK) != 1:
            raise ScratchpadError(
                f"The chat template renders {marked.count(image_token)} image tokens and the prompt {marked.count(_PROMPT_MARK)} "
                "times, expected one each: give a template for pictures with --chat-template."
            )

    def _render(self, messages: Sequence[Message], *, ask: bool = True) -> str:
        from jinja2.exceptions import TemplateError

        try:
            return self._processor.apply_chat_template(
                list(messages), chat_template=self._template, add_generation_prompt=ask, tokenize=False
            )
        except (TemplateError, TypeError, KeyError, IndexError, ValueError) as error:
            raise ScratchpadError(f"The chat template cannot be rendered ({error}): give another with --chat-template.") from error

    def render(self, prompt: str, system: str | None = None) -> RenderedPrompt:
        """The text for one picture and ``prompt``.

        Raises:
            ScratchpadError: an empty prompt, one that holds the image token, or a system text the template has no place for.
        """
        if not prompt.strip():
            raise ScratchpadError("The prompt is empty: ask something about the picture.")
        if self._image_token in prompt:
            raise ScratchpadError(
                f"The prompt contains {self._image_token}: one picture per prompt is explained, and it is placed by the chat template. "
                "Leave the token out."
            )
        before = [_message("system", system)] if system is not None else []
        marked = self._render([*before, _message("user", "image", _PROMPT_MARK)])
        at = marked.index(_PROMPT_MARK)
        head, tail = marked[:at], marked[at + len(_PROMPT_MARK) :]
        if system is not None and _SYSTEM_MARK not in self._render([_message("system", _SYSTEM_MARK), _message("user", "image", _PROMPT_MARK)]):
            raise ScratchpadError("The chat template has no place for a system text: leave --system out, or give --chat-template.")
        text = self._render([*before, _message("user", "image", prompt)])
        if not (text.startswith(head) and text.endswith(tail)):
            raise ScratchpadError("The chat template changes with the prompt's words, so its parts cannot be told apart: give --chat-template.")
        return RenderedPrompt(
            text=text,
            system_end=self._system_end(before, head),
            prompt_start=len(head),
            prompt_end=len(text) - len(tail),
        )

    def _system_end(self, before: list[Message], head: str) -> int:
        # The turn's own header ends what stands before every user turn; what precedes it only before the first is the system part.
        first = _before_picture(head, self._image_token)
        others: list[str] = []
        try:
            two_turns = self._render(
                [*before, _message("user", "image", _PROMPT_MARK), _message("assistant", _ANSWER_MARK), _message("user", _PROMPT_MARK)]
            )
            others.append(two_turns[two_turns.index(_ANSWER_MARK) + len(_ANSWER_MARK) : two_turns.rindex(_PROMPT_MARK)])
        except (ScratchpadError, ValueError):
            # A template for single turns: without a system text, nothing tells its header from its preamble.
            if not before:
                return 0
        if before:
            alone = self._render([_message("user", "image", _PROMPT_MARK)])
            others.append(_before_picture(alone[: alone.index(_PROMPT_MARK)], self._image_token))
        return len(first) - min(_n_common_at_end(first, other) for other in others)


def _before_picture(head: str, image_token: str) -> str:
    return head[: head.index(image_token)] if image_token in head else head


def _n_common_at_end(one: str, other: str) -> int:
    n = 0
    while n < min(len(one), len(other)) and one[-1 - n] == other[-1 - n]:
        n += 1
    return n


def tokenize_prompt(
    rendered: RenderedPrompt, tokenizer: Any, *, image_token_id: int, n_image_tokens: int
) -> tuple[Token, ...]:
    """Tokens of the prompt, the picture's placeholder repeated once per image token.

    A token is of the user (``template`` False) when it overlaps the user's words.

    Raises:
        ScratchpadError: a tokenizer without character offsets, or one that does not know the image token.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise ScratchpadError(
            f"The tokenizer {type(tokenizer).__name__} does not tell which characters a token covers: save the model with its fast "
            "tokenizer (tokenizer.json)."
        )
    bos = tokenizer.bos_token
    encoded = tokenizer(
        rendered.text, return_offsets_mapping=True, add_special_tokens=not (bos and rendered.text.startswith(bos))
    )
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    if ids.count(image_token_id) != 1:
        raise ScratchpadError(
            f"The tokenizer makes {ids.count(image_token_id)} image tokens (id {image_token_id}) of the placeholder, expected one: "
            "tokenizer and model do not belong together."
        )
    tokens: list[Token] = []
    placed = False
    for token_id, (start, end) in zip(ids, offsets, strict=True):
        if token_id == image_token_id:
            text = rendered.text[start:end]
            tokens += [Token(len(tokens) + i, token_id, text, Span.IMAGE, template=True) for i in range(n_image_tokens)]
            placed = True
            continue
        special = end <= start
        in_system = end <= rendered.system_end or (special and not placed)
        of_user = not special and start < rendered.prompt_end and end > rendered.prompt_start
        text = tokenizer.convert_ids_to_tokens(token_id) if special else rendered.text[start:end]
        tokens.append(
            Token(
                index=len(tokens),
                token_id=token_id,
                text=readable(text),
                span=Span.SYSTEM if in_system and not of_user else Span.INPUT,
                template=not of_user,
            )
        )
    return tuple(tokens)


def readable(text: str) -> str:
    """A token's text without the spaces around it; a token of spaces alone stays as it is."""
    return text.strip(" ") or text


def output_pieces(tokenizer: Any, token_ids: Sequence[int]) -> tuple[str, list[str]]:
    """The answer as one string, and what each token added to it.

    A token that completes no character (a part of a multi-byte one) adds nothing; the token that completes it adds all.
    """
    whole = ""
    pieces: list[str] = []
    for n in range(1, len(token_ids) + 1):
        decoded = tokenizer.decode(token_ids[:n], skip_special_tokens=True)
        if decoded.endswith("\ufffd") and n < len(token_ids):
            pieces.append("")
            continue
        pieces.append(decoded[len(whole) :] if decoded.startswith(whole) else tokenizer.decode([token_ids[n - 1]]))
        whole = decoded
    return whole, pieces
