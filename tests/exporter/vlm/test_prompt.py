"""Chat templates, spans and tokens."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.vlm.prompt import ChatTemplate, output_pieces, tokenize_prompt
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span

VICUNA = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
MISTRAL = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' }}{% for c in message['content'] %}"
    "{% if c['type'] == 'image' %}{{ '<image>\n' }}{% else %}{{ c['text'] }}{% endif %}{% endfor %}{{ ' [/INST]' }}"
    "{% else %}{{ message['content'][0]['text'] + '</s>' }}{% endif %}{% endfor %}"
)
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% for c in message['content'] %}"
    "{% if c['type'] == 'image' %}{{ '<image>\n' }}{% else %}{{ c['text'] | trim }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WITH_PREAMBLE = "A chat between a person and a model. " + VICUNA


def _parts(template: ChatTemplate, prompt: str, system: str | None = None) -> tuple[str, str, str]:
    rendered = template.render(prompt, system)
    text = rendered.text
    return text[: rendered.system_end], text[rendered.system_end : rendered.prompt_start], text[rendered.prompt_start : rendered.prompt_end]


@pytest.mark.parametrize(
    ("template", "system_part", "header"),
    [
        (VICUNA, "", "USER: <image>\n"),
        (MISTRAL, "", "[INST] <image>\n"),
        (CHATML, "", "<|im_start|>user\n<image>\n"),
        (WITH_PREAMBLE, "A chat between a person and a model.", " USER: <image>\n"),
    ],
    ids=["vicuna", "mistral", "chatml", "preamble"],
)
def test_system_header_and_prompt_are_told_apart(llava: Vlm, template: str, system_part: str, header: str) -> None:
    chat = ChatTemplate(llava.processor, template, "<image>")
    found = _parts(chat, "what is this ?")
    assert found == (system_part, header, "what is this ?")
    # A prompt that repeats words of the template is still found.
    assert _parts(chat, "USER: USER: [INST] user")[2] == "USER: USER: [INST] user"


def test_a_system_text_becomes_the_system_span(llava: Vlm) -> None:
    chat = ChatTemplate(llava.processor, CHATML, "<image>")
    system, header, prompt = _parts(chat, "what ?", system="be brief")
    assert system == "<|im_start|>system\nbe brief<|im_end|>\n"
    assert header == "<|im_start|>user\n<image>\n"
    assert prompt == "what ?"


def test_a_template_may_trim_the_prompt(llava: Vlm) -> None:
    assert _parts(ChatTemplate(llava.processor, CHATML, "<image>"), "  what ?  ")[2] == "what ?"


def test_what_cannot_be_asked_gets_a_sentence(llava: Vlm) -> None:
    with pytest.raises(ScratchpadError, match="no place for a system text"):
        deaf = MISTRAL.replace("{% else %}{{ message", "{% elif message['role'] == 'assistant' %}{{ message")
        ChatTemplate(llava.processor, deaf, "<image>").render("w1", "s")
    chat = llava.chat_template
    with pytest.raises(ScratchpadError, match="empty"):
        chat.render("   ")
    with pytest.raises(ScratchpadError, match="one picture per prompt"):
        chat.render("compare <image> with w1")
    with pytest.raises(ScratchpadError, match="0 image tokens"):
        ChatTemplate(llava.processor, "{% for m in messages %}{{ m['content'] }}{% endfor %}", "<none>")
    with pytest.raises(ScratchpadError, match="cannot be rendered"):
        ChatTemplate(llava.processor, "{{ raise_exception('no') }}", "<image>")

    class Bare:
        chat_template = None
        tokenizer = type("T", (), {"chat_template": None})()

    with pytest.raises(ScratchpadError, match="--chat-template"):
        ChatTemplate(Bare(), None, "<image>")


def test_tokens_cover_the_text_once(llava: Vlm) -> None:
    rendered = llava.chat_template.render("w1 w2 ?", "w9")
    tokens = tokenize_prompt(rendered, llava.processor.tokenizer, image_token_id=llava.image_token_id, n_image_tokens=7)
    assert [token.index for token in tokens] == list(range(len(tokens)))
    shown = [(t.text, t.span, t.template) for t in tokens if t.span is not Span.IMAGE]
    assert shown == [
        ("system", Span.SYSTEM, True), (":", Span.SYSTEM, True), ("w9", Span.SYSTEM, True),
        ("user", Span.INPUT, True), (":", Span.INPUT, True),
        ("w1", Span.INPUT, False), ("w2", Span.INPUT, False), ("?", Span.INPUT, False),
        ("assistant", Span.INPUT, True), (":", Span.INPUT, True),
    ]
    assert sum(t.span is Span.IMAGE for t in tokens) == 7


def test_a_slow_tokenizer_is_refused(llava: Vlm) -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ScratchpadError, match="Slow"):
        tokenize_prompt(llava.chat_template.render("w1"), Slow(), image_token_id=4, n_image_tokens=1)


def test_pieces_of_the_answer_add_up() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(alphabet))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    said = "a 猫 שלום é."
    ids = fast(said)["input_ids"]
    text, pieces = output_pieces(fast, ids)
    assert text == said
    assert "".join(pieces) == said
    assert pieces.count("") == len(ids) - len(said)


def test_too_long_a_prompt_is_refused(llava: Vlm) -> None:
    from PIL import Image

    with pytest.raises(ScratchpadError, match="shorten the prompt"):
        llava.prepare_prompt(Image.new("RGB", (20, 20)), "w1 " * 5000)
