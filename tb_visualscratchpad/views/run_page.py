"""One run as a page of its own: a single HTML file that opens anywhere, asks nobody for anything and runs no foreign code.

Every text of the log is escaped. Style and script are fixed and allowed by their hashes; what differs from run to run is markup,
and a style block of pictures whose hash is in the policy too. Arrays: ``T`` tokens, ``C`` columns, ``P`` patches.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tb_visualscratchpad.views.attention_maps import attention_map
from tb_visualscratchpad.views.attribution import latent_attribution
from tb_visualscratchpad.views.cluster_names import cluster_name
from tb_visualscratchpad.views.clusters import ClusteredMatrix, cluster_columns, compute_latent_order
from tb_visualscratchpad.views.comparison import compare_answers
from tb_visualscratchpad.views.means import LatentMeans, latent_means
from tb_visualscratchpad.views.ranking import RankedLatent, rank_latents
from tb_visualscratchpad.views.run_page_look import SCRIPT, STYLE
from tb_visualscratchpad.views.run_page_pictures import heatmap, patch_raster, small_picture, veil
from tb_visualscratchpad.views.run_page_results import raster, verdict
from tb_visualscratchpad.views.run_page_text import (
    escaped,
    moment_text,
    number_text,
    policy_hash,
    share_text,
    token_text,
)
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.evidence import Span, Token, VlmRun
from tb_visualscratchpad.wire.steering_evidence import SteeringResult

N_RANKED = 10
N_REFERENCES = 4
MOST_WORDS = 400
"""Words of a longer answer beyond this are listed without their own tables, so that the page stays at a few megabytes."""
MOST_LATENTS = 240
"""So many latents, those that rank first for the most words, have pictures; others are listed by number and label."""
MOST_RESULTS = 12
MAX_FREQUENCY = 0.5
"""The tab's own threshold: what fires in more of the pictures is left out of rankings and heatmap."""

_PICTURE_SIDE = 512
_THUMB_SIDE = 88
_MAP_SIDE = 72
_LATENT_SIDE = 36
_REFERENCE_SIDE = 24
_MOST_CLUSTERS = 20


@dataclass(frozen=True)
class RunPage:
    """What a page is made of.

    Attributes:
        directory: TensorBoard's name of the run directory.
        statistics, references, metrics: of the run's dictionary, None where they were not logged.
        results: steered answers about this run, newest first.
        created: when the page is made, seconds since the epoch.
        version: of the tool.
        notes: sentences on what could not be read, and so is not on the page.
    """

    run: VlmRun
    directory: str
    statistics: LatentStatistics | None
    references: ReferenceImages | None
    metrics: SaeMetrics | None
    results: Sequence[SteeringResult]
    created: float
    version: str
    notes: Sequence[str] = ()


def page_name(run: VlmRun) -> str:
    """A file name for the page, of letters, digits and hyphens."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", run.name or run.prompt).strip("-")[:60]
    return f"run_{plain or 'page'}_{run.run_id[:24]}.html"


def run_page(page: RunPage) -> str:
    """The whole file, UTF-8 text.

    Pictures are left out where the run was logged without them. At most ``MOST_WORDS`` words and ``MOST_LATENTS`` latents have
    pictures of their own: about 3 MB for the longest answers.
    """
    return _Writer(page).whole()


class _Writer:
    """Writes one page; holds what its sections share."""

    def __init__(self, page: RunPage) -> None:
        self.page = page
        self.run = page.run
        self.output = [token for token in self.run.tokens if token.span is Span.OUTPUT]
        self.means: LatentMeans = latent_means(self.run)
        self.threshold = None if page.statistics is None else MAX_FREQUENCY
        self.ranked: dict[int, tuple[RankedLatent, ...]] = {}
        for token in self.output[:MOST_WORDS]:
            self.ranked[token.index] = rank_latents(
                self.run, token.index, statistics=page.statistics, max_frequency=self.threshold, limit=N_RANKED, means=self.means
            ).rows
        self.pictures: list[str] = []
        self._made: set[str] = set()
        self.pictured = self._most_ranked()

    def _most_ranked(self) -> frozenset[int]:
        counts: dict[int, int] = {}
        for rows in self.ranked.values():
            for one in rows:
                counts[one.latent] = counts.get(one.latent, 0) + N_RANKED + 1 - one.rank
        return frozenset(sorted(counts, key=lambda latent: (-counts[latent], latent))[:MOST_LATENTS])

    def whole(self) -> str:
        body = "\n".join(
            part
            for part in (self._head(), self._words(), self._heatmap(), self._clusters(), *self._results(), self._health(), self._provenance())
            if part
        )
        pictures = "\n".join(self.pictures)
        policy = f"default-src 'none'; img-src data:; style-src {policy_hash(STYLE)} {policy_hash(pictures)}; script-src {policy_hash(SCRIPT)}; base-uri 'none'; form-action 'none'"
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{escaped(policy)}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">\n'
            f'<meta name="generator" content="Visual Scratchpad {escaped(self.page.version)}">\n'
            f"<title>{escaped(self.run.name or self.run.prompt)} \u00b7 Visual Scratchpad</title>\n"
            f"<style>{STYLE}</style><style>{pictures}</style></head>\n<body><main>\n{body}\n</main><script>{SCRIPT}</script></body></html>\n"
        )

    # pictures, each once

    def _style(self, name: str, address: str) -> None:
        self.pictures.append(f".{name}{{background-image:url({address})}}")

    def _head(self) -> str:
        run = self.run
        place = run.image_tokens
        self.pictures.append(f":root{{--ratio:{place.width}/{place.height}}}")
        if run.picture is not None:
            for name, side in (("whole", _PICTURE_SIDE), ("small", _THUMB_SIDE)):
                address = small_picture(run.picture, side)
                if address:
                    self._style(name, address)
        steered = "" if run.steering is None else ' <span class="k">under steering</span>'
        about = run.dictionary
        chips = "".join(
            f'<button type="button" aria-pressed="{str(i == self._first).lower()}" aria-controls="w{token.index}">{escaped(token_text(token.text))}</button>'
            for i, token in enumerate(self.output[:MOST_WORDS])
        )
        cut = f'<p class="k">The answer has {len(self.output)} words; the first {MOST_WORDS} are told of here.</p>' if len(self.output) > MOST_WORDS else ""
        stopped = '<p class="k">The answer stopped at its token limit.</p>' if run.truncated else ""
        words = f'<div class="words" role="group" aria-label="Words of the answer: choose one">{chips}</div>' if chips else '<p class="k">The model said nothing.</p>'
        return (
            f'<header class="card"><h1>{escaped(run.name or run.prompt)}{steered}</h1>'
            f'<p class="k">{escaped(about.vlm_name)} \u00b7 {escaped(about.sae_name)} at <span class="mono">{escaped(about.hook)}</span> \u00b7 {about.n_latents:,} latents \u00b7 {moment_text(run.created)}</p>'
            f'<p class="asked">\u201c{escaped(run.prompt)}\u201d</p>{words}{cut}{stopped}'
            '<p class="k">Point at a word, click it, or go with the arrow keys.</p></header>'
        )

    @property
    def _first(self) -> int:
        """The word shown first: the one with the largest C."""
        tops = [self.ranked[token.index][0].weighted or 0.0 if self.ranked[token.index] else 0.0 for token in self.output[:MOST_WORDS]]
        return int(np.argmax(tops)) if tops else 0

    def _words(self) -> str:
        if not self.output:
            return ""
        parts = "".join(self._word(token, i == self._first) for i, token in enumerate(self.output[:MOST_WORDS]))
        threshold = "" if self.threshold is None else f" Latents that fire in over {share_text(MAX_FREQUENCY)} of the image set's pictures are left out."
        return (
            f'<section class="card" aria-label="The chosen word">{parts}<p class="k">The picture is lit where the word looked. Weighted C: a latent\u2019s activation weighted by that; '
            f"plain mean B: without weighting; lift: C / B.{threshold}</p></section>"
        )

    def _picture(self, veil_name: str | None, label: str, *, small: bool = False) -> str:
        over = f'<i class="{veil_name}"></i>' if veil_name else ""
        return f'<span class="pic {"small" if small else "whole"}" role="img" aria-label="{escaped(label)}">{over}</span>'

    def _word(self, token: Token, on: bool) -> str:
        place = self.run.image_tokens
        found = attention_map(self.run, token.index)
        name = token_text(token.text)
        veil_name = None
        if found.defined and found.sees_image:
            address = veil(patch_raster(place, found.attention_P, _MAP_SIDE, spread=True))
            if address:
                veil_name = f"a{token.index}"
                self._style(veil_name, address)
        looked = f"{share_text(found.mass_on_picture)} of its attention on the picture" if found.mass_on_picture is not None and found.sees_image else escaped(found.reason or "attention undefined")
        chance = "" if token.logprob is None else f"log-probability <b>{number_text(token.logprob)}</b> ({share_text(math.exp(token.logprob))})"
        others = ", ".join(f"<span class=mono>{escaped(token_text(one.text))}</span> {number_text(one.logprob)}" for one in token.alternatives)
        return (
            f'<div class="word{" on" if on else ""}" id="w{token.index}"><div>{self._picture(veil_name, f"Picture with the attention of {name}")}'
            f'<p class="facts"><span>{looked}</span></p></div><div><h2>\u201c<span class="mono">{escaped(name)}</span>\u201d</h2><p class="facts"><span>{chance}</span>'
            f"{f'<span>instead: {others}</span>' if others else ''}</p>{self._ranking(token)}</div></div>"
        )

    def _label(self, latent: int) -> str:
        statistics = self.page.statistics
        if statistics is None:
            return ""
        label = int(statistics.top_label_K[latent])
        share = float(statistics.top_label_share_K[latent])
        return statistics.label_names[label] if label >= 0 and share >= 0.45 else "mixed"

    def _ranking(self, token: Token) -> str:
        rows = self.ranked[token.index]
        if not rows:
            return '<p class="k">No latent to rank.</p>'
        top = max((max(one.weighted or 0.0, one.plain) for one in rows), default=1.0) or 1.0
        body = "".join(self._ranked_row(one, top) for one in rows)
        references = "<th>references</th>" if self.page.references is not None else ""
        return (
            '<table><thead><tr><th class="num">rank</th><th class="num">latent</th><th>label</th><th>here</th><th>C over B</th><th class="num">C</th>'
            f'<th class="num">B</th><th class="num">lift</th>{references}</tr></thead><tbody>{body}</tbody></table>'
        )

    def _ranked_row(self, one: RankedLatent, top: float) -> str:
        bars = (
            f'<svg width="84" height="14" aria-hidden="true"><rect class="c" y="1" height="6" width="{84 * (one.weighted or 0.0) / top:.1f}"/>'
            f'<rect class="b" y="9" height="4" width="{84 * one.plain / top:.1f}"/></svg>'
        )
        lift = "\u2013" if one.lift is None else f"{one.lift:.1f}\u00d7" if one.lift < 10 else f"{one.lift:.0f}\u00d7"
        weighted = "\u2013" if one.weighted is None else number_text(one.weighted, 3)
        here = self._latent_here(one.latent)
        references = "" if self.page.references is None else f"<td>{self._references(one.latent)}</td>"
        return (
            f'<tr><td class="num k">{one.rank}</td><td class="num lat">{one.latent}</td><td>{escaped(self._label(one.latent))}</td><td>{here}</td><td>{bars}</td>'
            f'<td class="num">{weighted}</td><td class="num">{number_text(one.plain, 3)}</td><td class="num">{lift}</td>{references}</tr>'
        )

    def _latent_here(self, latent: int) -> str:
        if latent not in self.pictured:
            return ""
        name = f"l{latent}"
        if name not in self._made:
            address = veil(patch_raster(self.run.image_tokens, latent_attribution(self.run, latent).value_P, _LATENT_SIDE, spread=False))
            if address:
                self._style(name, address)
            self._made.add(name)
        return f'<span class="thumb pic small" role="img" aria-label="Picture, lit where latent {latent} fires"><i class="{name}"></i></span>'

    def _references(self, latent: int) -> str:
        references = self.page.references
        if references is None or latent not in self.pictured or not references.pictures:
            return ""
        shown = []
        for rank, one in enumerate(references.of_latent(latent)[:N_REFERENCES]):
            picture, name = f"r{one.image}", f"m{latent}-{rank}"
            if picture not in self._made:
                address = small_picture(references.pictures[one.image], _THUMB_SIDE)
                if address:
                    self._style(picture, address)
                self._made.add(picture)
            if name not in self._made:
                value_P = np.zeros(one.image_tokens.n_patches)
                value_P[one.patch_N] = one.value_N
                address = veil(patch_raster(one.image_tokens, value_P, _REFERENCE_SIDE, spread=False))
                if address:
                    self._style(name, address)
                self._made.add(name)
            label = f"{one.label or one.name}, plain mean {number_text(one.plain_mean)}"
            shown.append(f'<span class="pic {picture}" role="img" aria-label="{escaped(label)}" title="{escaped(label)}"><i class="{name}"></i></span>')
        return f'<span class="refs">{"".join(shown)}</span>'

    # the heatmap and its clusters

    @cached_property
    def _clustered(self) -> ClusteredMatrix:
        order = self.run.order or compute_latent_order(self.run, means=self.means)
        keep = Thresholds(max_frequency=self.threshold).passing(self.run, self.page.statistics, order.latent_C)
        return cluster_columns(self.means, order, keep=keep)

    def _heatmap(self) -> str:
        matrix = self._clustered.matrix
        n_rows, n_columns = matrix.normalised_TC.shape
        if not n_rows or not n_columns:
            return ""
        row, left, top, width = 15, 96, 26, 980
        by_index = {token.index: token for token in self.run.tokens}
        labels = "".join(
            f'<text x="{left - 8}" y="{top + row * i + 11}" text-anchor="end">{escaped(token_text(by_index[int(index)].text)[:12])}</text>'
            for i, index in enumerate(matrix.token_T)
        )
        step = width / n_columns
        bands, free = [], 0.0
        for cluster in self._clustered.clusters:
            x, wide = left + step * cluster.start, step * cluster.count
            bands.append(f'<rect class="band" x="{x + 0.5:.1f}" y="{top - 6}" width="{max(0.5, wide - 1):.1f}" height="3"/>')
            name = cluster_name(self.run, cluster, self.page.statistics)
            if name and wide > 7 * len(name) and x >= free:
                bands.append(f'<text class="name" x="{x:.1f}" y="{top - 11}">{escaped(name)}</text>')
                free = x + 7.5 * len(name) + 8
        images = "".join(
            f'<image class="{theme}" x="{left}" y="{top}" width="{width}" height="{row * n_rows}" preserveAspectRatio="none" href="{heatmap(matrix.normalised_TC, theme)}"/>'
            for theme in ("light", "dark")
        )
        return (
            f'<section class="card" aria-label="Token by latent"><h2>Token \u00d7 latent <span class="k">{n_rows} words \u00d7 {n_columns} latents, each column divided by its largest C</span></h2>'
            f'<div class="scroll"><svg class="map" viewBox="0 0 {left + width + 4} {top + row * n_rows + 4}" role="img" aria-label="Heatmap of {n_rows} words by {n_columns} latents">'
            f"{''.join(bands)}{images}{labels}</svg></div></section>"
        )

    def _clusters(self) -> str:
        clusters = [one for one in self._clustered.clusters if one.kind.value == "cluster"]
        if not clusters:
            return ""
        by_index = {token.index: token for token in self.run.tokens}
        rows = []
        for cluster in sorted(clusters, key=lambda one: (-one.count, one.start))[:_MOST_CLUSTERS]:
            words = ", ".join(escaped(token_text(by_index[int(index)].text)) for index in cluster.word_indices[:6])
            latents = [int(latent) for latent in cluster.latent_c]
            listed = ", ".join(map(str, latents[:12])) + (", \u2026" if len(latents) > 12 else "")
            name = cluster_name(self.run, cluster, self.page.statistics) or "without a name"
            rows.append(f'<tr><td><b>{escaped(name)}</b></td><td class="num">{cluster.count}</td><td class="mono">{words}</td><td class="mono">{listed}</td></tr>')
        more = f'<p class="k">{len(clusters) - _MOST_CLUSTERS} smaller ones are left out.</p>' if len(clusters) > _MOST_CLUSTERS else ""
        return (
            '<section class="card" aria-label="Clusters"><h2>Clusters <span class="k">latents that the same words use</span></h2><div class="scroll"><table><thead><tr><th>cluster</th>'
            f'<th class="num">latents</th><th>words that use it most</th><th>its latents</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>{more}</section>'
        )

    # what steering showed

    def _results(self) -> Iterator[str]:
        for result in self.page.results[:MOST_RESULTS]:
            compared = compare_answers(result)
            yield (
                f'<section class="card" aria-label="Steered answer"><h2>{escaped(result.name)} <span class="k">{moment_text(result.created)}</span></h2><p>{verdict(result, compared)}</p>'
                f'<div class="scroll">{raster(result, compared)}</div><p class="k">Under each word the change of its log-probability (nat) along the original answer. Struck: left out; underlined: said instead.</p></section>'
            )

    def _health(self) -> str:
        metrics, statistics = self.page.metrics, self.page.statistics
        figures: list[tuple[str, str]] = []
        if statistics is not None:
            n = statistics.dictionary.n_latents
            figures += [(share_text(int(statistics.alive_K.sum()) / n), f"of {n:,} latents are alive"), (f"{statistics.n_images:,}", "pictures were swept")]
        if metrics is not None:
            figures += [
                ("\u2013" if metrics.fvu is None else share_text(metrics.fvu), "of the variance is unexplained"),
                (number_text(metrics.l0, 1), "latents active per patch"),
                (f"{metrics.n_dense:,}", f"dense (over {share_text(metrics.dense_cutoff)} of pictures)"),
            ]
        if not figures:
            return ""
        cells = "".join(f'<div><b>{value}</b><span class="k">{escaped(what)}</span></div>' for value, what in figures)
        return f'<section class="card" aria-label="The dictionary"><h2>The dictionary</h2><div class="figures">{cells}</div></section>'

    def _provenance(self) -> str:
        run, about = self.run, self.run.dictionary
        place = run.image_tokens
        facts: list[tuple[str, object]] = [
            ("Model", about.vlm_name), ("SAE", f"{about.sae_name} ({about.activation})"), ("Hook", about.hook), ("Dictionary", about.dictionary_id),
            ("Latents", f"{about.n_latents:,}"), ("Run", f"{self.page.directory} / {run.run_id}"), ("Prompt", run.prompt), ("System text", run.system or "none"),
            ("Token limit", run.max_new_tokens or "not recorded"), ("Answered", moment_text(run.created)),
            ("Picture", f"{place.width} \u00d7 {place.height} pixels, {place.n_patches:,} patches" + ("" if run.picture is not None else "; logged without the picture")),
            ("Attention", f"mean over layers {run.attention.layers[0]} to {run.attention.layers[-1]}, of the position that produced each word"),
            ("Steering", "none" if run.steering is None else run.steering),
            ("Page made", f"{moment_text(self.page.created)} by Visual Scratchpad {self.page.version}"),
        ]
        notes = "".join(f'<p class="k">{escaped(note)}</p>' for note in (*run.reductions, *self.page.notes))
        return f'<section class="card" aria-label="Where this comes from"><h2>Where this comes from</h2><dl>{"".join(f"<dt>{escaped(key)}</dt><dd>{escaped(value)}</dd>" for key, value in facts)}</dl>{notes}</section>'
