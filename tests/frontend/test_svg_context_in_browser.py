"""The SVG of a scene is the canvas's picture of it; figures' data are safe and exact; PNG texts are read back."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

SCENE = """(g) => {
  g.fillStyle = '#ffffff'; g.fillRect(0, 0, 240, 200);
  g.fillStyle = 'rgba(10,60,120,.5)'; g.fillRect(10.5, 10, 60, 30);
  g.strokeStyle = '#b84900'; g.lineWidth = 3; g.strokeRect(80, 12, 40, 26);
  g.save(); g.beginPath(); g.rect(130, 10, 40, 40); g.clip();
  g.beginPath(); g.arc(150, 30, 30, 0, 7); g.fillStyle = '#009e73'; g.fill();
  g.save(); g.beginPath(); g.arc(150, 30, 14, 0, 7); g.clip(); g.fillStyle = '#222222'; g.fillRect(130, 10, 40, 40); g.restore();
  g.restore();
  g.beginPath(); g.roundRect(10, 60, 50, 30, 8); g.fillStyle = '#b97f00'; g.fill();
  g.setLineDash([4, 3]); g.lineWidth = 2; g.beginPath(); g.moveTo(70, 60); g.lineTo(120, 90); g.lineTo(170, 60); g.stroke(); g.setLineDash([]);
  g.beginPath(); g.arc(200, 75, 16, 0.5, 4); g.lineCap = 'round'; g.stroke(); g.lineCap = 'butt';
  g.save(); g.translate(30, 160); g.rotate(-Math.PI / 4); g.fillStyle = '#4c5461'; g.fillRect(-10, -6, 40, 12); g.restore();
  g.strokeRect(80, 110, 0, 40);
  const cells = new OffscreenCanvas(3, 2); const c = cells.getContext('2d');
  ['#f00', '#0f0', '#00f', '#ff0', '#0ff', '#f0f'].forEach((color, i) => { c.fillStyle = color; c.fillRect(i % 3, Math.floor(i / 3), 1, 1); });
  g.imageSmoothingEnabled = false; g.drawImage(cells, 0, 0, 3, 1, 100, 110, 60, 30); g.drawImage(cells, 170, 110, 60, 40);
  g.font = '600 14px Arial'; g.textAlign = 'center'; g.textBaseline = 'middle'; g.fillStyle = '#1b1f26'; g.fillText('a < b & "c"', 120, 175);
}"""


def test_the_same_scene_on_canvas_and_as_svg(page: Page, browser: Browser, tmp_path: Path) -> None:
    drawn, svg = page.evaluate(
        f"""async () => {{ const {{ SvgContext }} = await import('/plots/svg_context.js'); const scene = {SCENE};
        const canvas = document.createElement('canvas'); canvas.width = 240; canvas.height = 200; scene(canvas.getContext('2d'));
        const context = new SvgContext(240, 200); scene(context);
        return [canvas.toDataURL(), context.toSvg({{ title: 't & <u>', description: 'd \\u0001' }})]; }}"""
    )
    root = ElementTree.fromstring(svg)
    assert root.find("{*}title").text == "t & <u>" and root.find("{*}desc").text == "d \ufffd"
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == ['a < b & "c"']
    assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == 2
    (tmp_path / "scene.svg").write_text(svg, encoding="utf-8")
    shown = browser.new_page(viewport={"width": 240, "height": 200})
    try:
        shown.goto((tmp_path / "scene.svg").as_uri())
        seen = np.asarray(Image.open(io.BytesIO(shown.screenshot())).convert("RGB"), dtype=float)
    finally:
        shown.close()
    wanted = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn.split(",")[1]))).convert("RGB"), dtype=float)
    apart = np.abs(seen - wanted).max(axis=2)
    assert apart.mean() < 2 and (apart > 64).mean() < 0.005, "edges may be smoothed otherwise, nothing else"


def test_data_files_are_exact_and_harmless(page: Page) -> None:
    rows = [[1, 0.1 + 0.2, "=SUM(A1)"], [2, None, "+x"], [3, 1e-300, '-"a",\n@b'], [4, 5e-324, "plain"], [5, 0.10000000149011612, "@x"]]
    text, as_json = page.evaluate(
        """async (rows) => { const { csvText, jsonText } = await import('/panels/export/data_file.js');
        const table = { columns: [{ name: 'n', told: 'number' }, { name: 'v_nat', told: 'value' }, { name: 't', told: 'text' }], rows };
        const about = { prompt: 'line\\n=1+1', latents: [1, 2] };
        return [csvText(table, about), jsonText(table, about)]; }""",
        rows,
    )
    head = [line for line in text.split("\n") if line.startswith("# ")]
    assert head[0] == '# prompt: "line\\n=1+1"' and head[1] == "# latents: [1,2]"
    body = text[text.index("n,v_nat,t") :]
    read = list(csv.DictReader(io.StringIO(body)))
    assert [row["t"] for row in read] == ["'=SUM(A1)", "'+x", "'-\"a\",\n@b", "plain", "'@x"]
    assert [float(row["v_nat"]) if row["v_nat"] else None for row in read] == [row[1] for row in rows]
    parsed = json.loads(as_json)
    assert [list(row.values()) for row in parsed["rows"]] == rows and parsed["about"]["latents"] == [1, 2]


def test_png_texts_are_read_back(page: Page) -> None:
    made = page.evaluate(
        """async () => { const { withTexts } = await import('/plots/png_text.js');
        const canvas = document.createElement('canvas'); canvas.width = 4; canvas.height = 2;
        const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
        return Array.from(withTexts(new Uint8Array(await blob.arrayBuffer()), { Title: 'caf\\u00e9', Description: '\\u03b1 \\u732b' }, 2)); }"""
    )
    image = Image.open(io.BytesIO(bytes(made)))
    image.load()
    assert image.size == (4, 2) and image.text == {"Title": "caf\u00e9", "Description": "\u03b1 \u732b"}
    assert abs(image.info["dpi"][0] - 192) < 0.1
