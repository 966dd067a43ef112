"""The page in headless Chromium: each view, by mouse and by keyboard, wide and narrow, light and dark, and with hostile text everywhere."""

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from kubestill.ground.records import write_records
from support.fake_service import serving
from support.page_app import DEPLOYMENT, EVIL, EVIL_RUN, FAILED, FINISHED, GOING, WEIGHTS, curve_row

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Open, Site

KEY = "a-key-of-enough-characters"
# Each view, and what stands there once it has loaded.
VIEWS = {"ask": ".examples", "check": ".editor", "compare": ".composer select", "runs": ".tiles", "data": ".rows li", "models": ".model"}
# Whether one sees where the focus is: by an outline, or by the frame of the composer.
SEEN = """(one => one === document.body || getComputedStyle(one).outlineStyle !== 'none'
    || !!one.closest('.composer'))(document.activeElement)"""
VIOLATIONS = "addEventListener('securitypolicyviolation', event => console.error('policy: ' + event.violatedDirective))"


def ask(page: "Page", request: str) -> None:
    page.get_by_label("Request", exact=True).fill(request)
    page.get_by_role("button", name="Ask", exact=True).click()


def fits(page: "Page") -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def contrast(page: "Page", selector: str) -> float:
    """The ratio of WCAG 2 between an element's text and the ground behind it, as the browser paints it."""
    colours = page.evaluate(
        """selector => {
          const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
          const painted = (colours) => {
            for (const one of colours) { canvas.fillStyle = one; canvas.fillRect(0, 0, 1, 1); }
            return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
          };
          const grounds = [];
          const element = document.querySelector(selector);
          for (let one = element; one; one = one.parentElement) grounds.unshift(getComputedStyle(one).backgroundColor);
          return [painted(grounds), painted([...grounds, getComputedStyle(element).color])];
        }""",
        selector,
    )

    def luminance(colour: list[int]) -> float:
        parts = [part / 255 for part in colour]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")], ids=["wide and light", "wide and dark", "narrow"]
)
def test_every_view_loads_fits_and_can_be_read(open_page: "Open", width: int, scheme: str) -> None:
    page = open_page(viewport={"width": width, "height": 720}, color_scheme=scheme)
    page.evaluate(VIOLATIONS)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", dark)[:3])) < 150) == (scheme == "dark")
    for name, there in VIEWS.items():
        page.get_by_role("navigation", name="Views").get_by_role("link", name=name.capitalize(), exact=True).click()
        page.locator(there).first.wait_for()
        assert page.title() == f"{name.capitalize()} · kubestill"
        assert page.locator("#views [aria-current]").inner_text() == name.capitalize()
        assert fits(page), name
        assert contrast(page, ".view .quiet, .view .label, .view .lead") > 4.5, name


def test_an_answer_is_written_judged_and_explained(open_page: "Open") -> None:
    page = open_page()
    ask(page, "a deployment called web")
    page.locator(".answer .actions").wait_for()
    assert "".join(page.locator(".answer .code code").all_inner_texts()).replace("\n\n", "\n").strip() == DEPLOYMENT.strip()
    assert page.locator(".answer .state .pill").first.inner_text() == "passed"
    assert page.locator(".facts dd").all_inner_texts() == ["Deployment", "web", "3"]
    assert "quickly" in page.locator(".aside-note").inner_text()
    counts = [int(one) for one in page.locator(".legend b").all_inner_texts()]
    assert counts == [40, 8, 12] and sum(counts) == 60  # forced, drafted, chosen: together all tokens
    assert "␣replica" in page.locator(".removed").inner_text()
    assert "passed" in page.locator("#said").inner_text()


def test_a_failed_answer_shows_findings_on_their_lines_and_can_be_repaired(open_page: "Open") -> None:
    page = open_page()
    ask(page, "evil")
    page.locator(".answer .actions").wait_for()
    assert page.locator(".code .line.bad .no").all_inner_texts() == ["6"]
    assert page.locator(".code .note").inner_text().startswith("K8S022 unknown field <img src=x")
    page.get_by_role("button", name="Try to repair").click()
    page.locator(".past li").wait_for()


def test_a_manifest_is_changed_and_the_difference_shown(open_page: "Open", site: "Site") -> None:
    page = open_page()
    ask(page, "a deployment called web")
    page.get_by_label("Change it").fill("scale it to 5")
    page.get_by_label("Change it").press("Enter")
    page.locator(".diff .added").wait_for()
    assert page.locator(".diff .removed code").inner_text().strip() == "replicas: 3"
    assert page.locator(".diff .added code").inner_text().strip() == "replicas: 5"
    assert site.service.turns[-1].inquiry.manifest == DEPLOYMENT
    assert site.service.turns[-1].inquiry.request == "scale it to 5"
    page.locator(".past .line-button").click()  # the one before is still there
    assert page.locator(".asked").inner_text() == "a deployment called web"


def test_an_answer_is_compared_with_a_pasted_manifest(open_page: "Open") -> None:
    page = open_page()
    ask(page, "a deployment called web")
    page.get_by_role("button", name="Diff …").click()
    page.get_by_label("Manifest to compare with").fill(DEPLOYMENT.replace("nginx:1.27", "nginx:1.20"))
    page.locator(".diff .added").wait_for()
    assert page.locator(".diff .added code").inner_text().strip() == "image: nginx:1.27"


def test_an_answer_is_saved_copied_and_taken_to_check(open_page: "Open") -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "a deployment called web")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == "web.yaml" and saved.value.path().read_text() == DEPLOYMENT
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == DEPLOYMENT
    page.get_by_role("button", name="Open in Check").click()
    page.get_by_text("passed", exact=True).wait_for()
    assert page.get_by_label("Text to check").input_value() == DEPLOYMENT


def test_an_answer_is_stopped_and_its_row_is_freed(open_page: "Open", site: "Site") -> None:
    page = open_page()
    ask(page, "slow")
    page.locator(".code .line").nth(3).wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("stopped", exact=True).wait_for()
    for _ in range(200):
        if not site.service.desk.busy()[0]:
            break
        page.wait_for_timeout(20)
    assert site.service.desk.busy() == (0, 0)


def test_an_error_says_what_and_how_to_mend_it(open_page: "Open", faults: list[str]) -> None:
    page = open_page()
    ask(page, "odd")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").inner_text() == "request: nothing in it can be read; say it in other words"
    faults.clear()  # the browser notes a status of 400


def test_findings_come_while_one_types_and_lead_to_their_line(open_page: "Open") -> None:
    page = open_page("#/check")
    page.get_by_label("Text to check").fill(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n  - port: 80\n    targtPort: 1\n"
    )
    page.locator("button.finding").wait_for()
    assert page.locator(".gutter .bad").all_inner_texts() == ["8"]
    page.locator("button.finding").click()
    chosen = page.evaluate("(area => area.value.slice(area.selectionStart, area.selectionEnd))(document.activeElement)")
    assert chosen == "targtPort: 1"
    page.get_by_label("Text to check").press_sequentially("targetPort: 1")
    page.get_by_text("passed", exact=True).wait_for()
    assert page.locator(".finding").count() == 0
    page.get_by_label("Text to check").fill("apiVersion: a.b/v1\nkind: Unknown\nmetadata:\n  name: a\n")
    page.locator(".state .pill", has_text="nobody could judge").wait_for()  # which is not said to have passed


def test_commands_are_checked(open_page: "Open") -> None:
    page = open_page("#/check")
    page.get_by_role("button", name="kubectl commands").click()
    page.get_by_role("button", name="An example with faults").click()
    page.locator("button.finding").wait_for()
    assert "did you mean '--replicas'" in page.locator("button.finding").first.inner_text()
    page.get_by_role("button", name="Manifests").click()
    assert page.get_by_label("Text to check").input_value() == ""


def compared(open_page: "Open") -> "Page":
    """Return the page with two answers beside each other."""
    page = open_page("#/compare")
    page.locator(".composer select").first.wait_for()
    page.get_by_label("Request", exact=True).fill("a deployment called web")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".side .code").nth(1).wait_for()
    return page


def test_a_comparison_is_blind_until_the_vote_and_is_counted(open_page: "Open", site: "Site") -> None:
    page = compared(open_page)
    sides = [page.locator(".side").nth(place).inner_text() for place in (0, 1)]
    assert not any("small" in side or "passed" in side for side in sides)
    free = next(place for place, side in enumerate(sides) if "# free" in side)
    before = len(site.service.votes_kept)
    page.locator("main").focus()
    page.keyboard.press(str(free + 1))
    page.locator(".side b").first.wait_for()
    assert page.locator(".side b").nth(free).inner_text() == "small · free"
    page.locator(".compare table").wait_for()
    vote = site.service.votes_kept[before]
    assert (vote.first, vote.second)[free] == "small · free" and vote.choice == ("first", "second")[free]
    page.keyboard.press("1")  # one vote a round
    assert len(site.service.votes_kept) == before + 1


def test_no_vote_counts_for_answers_that_are_no_longer_shown(open_page: "Open", site: "Site") -> None:
    page = compared(open_page)
    before = len(site.service.votes_kept)
    page.route("**/v1/chat/completions", lambda route: None)  # the next answers never come
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator("p.state").wait_for()
    page.locator("main").focus()
    page.keyboard.press("1")
    page.wait_for_timeout(200)
    assert len(site.service.votes_kept) == before and page.locator(".side").count() == 0


def test_a_run_is_followed_while_it_goes_on(open_page: "Open", site: "Site") -> None:
    file = site.shelf.store.workspace / "artifacts" / WEIGHTS / "curve.jsonl"
    write_records(file, map(curve_row, range(1, 20)))  # just now: what wrote nothing for long counts as cut
    page = open_page(f"#/runs/{GOING}")
    page.locator(".u-wrap canvas").wait_for()
    assert page.locator(".detail > header .pill").inner_text() == "going on"
    assert "under way" in page.get_by_role("row", name="training").inner_text()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    write_records(file, map(curve_row, range(1, 31)))
    with page.expect_response(lambda reply: "curve?after=19" in reply.url) as first:
        pass
    assert [row["step"] for row in first.value.json()["loss"]] == list(range(20, 31))
    with page.expect_response(lambda reply: "curve?after=30" in reply.url):
        pass  # the next asks for what is new alone
    page.goto(f"{site.address}/#/ask")
    page.locator(".examples").wait_for()
    asked.clear()
    page.wait_for_timeout(2_500)
    assert not [url for url in asked if "curve" in url]  # nobody looks, so nobody asks


def test_a_finished_run_is_told_whole(open_page: "Open") -> None:
    page = open_page(f"#/runs/{FINISHED}")
    page.locator(".u-wrap canvas").nth(1).wait_for()
    assert "80.0 %" in page.locator(".tiles").inner_text()
    assert "100 came, 90 stayed, 10 left" in page.locator(".flow").inner_text()
    assert page.get_by_role("img").first.get_attribute("aria-label") == "Loss. from 2.00 to 0.0101 nats a token of the answer"
    page.get_by_role("link", name="broken").click()
    page.get_by_text("training: OSError").wait_for()
    assert FAILED in page.url


def test_samples_are_browsed_searched_and_their_drops_have_reasons(open_page: "Open") -> None:
    page = open_page("#/data")
    page.locator(".rows li").nth(19).wait_for()
    page.get_by_role("button", name="More").click()
    page.locator(".rows li").nth(39).wait_for()
    page.get_by_label("Search").fill("number 12 ")
    page.get_by_text("That is all.").wait_for()
    assert page.locator(".rows li").count() == 1
    page.locator(".rows summary").click()
    assert page.locator(".rows .inside pre").nth(1).inner_text() == "kind: Deployment"  # what is only expected is not noted
    page.get_by_label("Search").fill("")
    page.get_by_role("button", name="Dropped").click()
    page.get_by_role("button", name=re.compile("too-long")).click()
    page.get_by_text("That is all.").wait_for()
    assert page.locator(".rows li").count() == 2
    page.get_by_role("button", name="Samples").click()
    page.locator(".rows summary").nth(1).click()
    page.get_by_role("button", name="Ask this").click()
    assert page.get_by_label("Request", exact=True).input_value().startswith("Deployment number 1 ")


def test_hostile_text_stays_text_in_every_view(open_page: "Open") -> None:
    page = open_page()
    page.evaluate(VIOLATIONS)
    ask(page, f"evil {EVIL}")
    page.locator(".answer .actions").wait_for()
    assert EVIL in page.locator(".answer .code").inner_text()
    page.goto(page.url.split("#")[0] + f"#/runs/{quote(EVIL_RUN, safe='')}")
    page.locator(".judged summary").first.click()
    page.locator(".judged .code").first.wait_for()
    assert EVIL in page.locator(".judged .code").first.inner_text()
    page.goto(page.url.split("#")[0] + f"#/runs/{quote(EVIL, safe='')}")
    page.get_by_role("alert").wait_for()
    for mode in ("Samples", "Dropped"):
        page.goto(page.url.split("#")[0] + "#/data")
        page.get_by_role("button", name=mode).click()
        page.locator(".rows li").first.wait_for()
        for summary in page.locator(".rows summary").all()[:5]:
            summary.click()
    page.goto(page.url.split("#")[0] + "#/models")
    page.locator(".model summary", has_text="Card").first.click()
    page.locator(".card-text p").first.wait_for()
    assert EVIL in page.locator(".card-text").first.inner_text()
    page.goto(page.url.split("#")[0] + "#/check")
    page.get_by_label("Text to check").fill(f"kind: {EVIL}\n{EVIL}: 1\n")
    page.locator(".finding").first.wait_for()
    page.goto(page.url.split("#")[0] + "#/compare")
    page.get_by_label("Second writer").select_option(index=2)
    page.get_by_label("Request", exact=True).fill("evil")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("button", name="Neither").click()
    page.locator(".side .note").first.wait_for()
    assert page.locator("img, main script, main svg[onload]").count() == 0
    assert page.title() == "Compare · kubestill"


def test_markup_from_script_is_refused_by_the_policy(open_page: "Open", faults: list[str]) -> None:
    page = open_page()
    markup = "() => { try { document.body.innerHTML = '<b>x</b>'; return 'ran' } catch (error) { return error.name } }"
    inline = """() => { try { const script = document.createElement('script'); script.text = "document.title = 'owned'";
        document.body.append(script); return 'ran' } catch (error) { return error.name } }"""
    assert [page.evaluate(markup), page.evaluate(inline)] == ["TypeError", "TypeError"]
    page.evaluate("fetch('https://example.invalid/').catch(() => 0)")
    page.evaluate("document.body.append(Object.assign(document.createElement('iframe'), { src: '/' }))")
    page.wait_for_function("document.querySelector('iframe')")
    for _ in range(100):
        if {"connect-src", "frame"} <= {word for fault in faults for word in ("connect-src", "frame") if word in fault}:
            break
        page.wait_for_timeout(50)
    assert sum("TrustedHTML" in fault or "TrustedScript" in fault for fault in faults) == 2
    assert any("connect-src" in fault for fault in faults) and any("frame" in fault or "default-src" in fault for fault in faults)
    faults.clear()  # as it should


def test_the_keyboard_alone_is_enough(open_page: "Open") -> None:
    page = open_page("#/models")
    page.locator(".model").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.locator(".examples").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("a deployment called web")
    page.keyboard.press("Enter")
    page.locator(".answer .actions").wait_for()
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"))
        assert page.evaluate(SEEN)
    assert {"Model", "Version", "Ask", "Copy", "Download", "Open in Check", "Change it", "Answer"} <= reached
    page.locator("main").focus()
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_a_theme_is_remembered(open_page: "Open") -> None:
    page = open_page(color_scheme="light")
    for expected in ("light", "dark"):
        page.get_by_role("button", name="Theme").click()
        assert page.evaluate("document.documentElement.dataset.theme") == expected
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_by_role("button", name="Theme: Dark").is_visible()


def test_every_control_has_a_name_and_every_view_one_heading(open_page: "Open") -> None:
    page = open_page()
    nameless = """() => [...document.querySelectorAll('button, input, select, textarea, a[href], summary, [tabindex="0"], [role=img]')]
        .filter(one => !(one.getAttribute('aria-label') || one.textContent.trim() || one.closest('label')?.textContent.trim()))
        .map(one => one.outerHTML.slice(0, 120))"""
    for name, there in VIEWS.items():
        page.goto(page.url.split("#")[0] + f"#/{name}")
        page.locator(there).first.wait_for()
        assert page.evaluate(nameless) == [], name
        assert page.locator("h1").count() == page.locator("main").count() == page.locator("nav#views").count() == 1
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids))


def test_a_key_is_asked_for_once_and_kept_for_the_tab(open_page: "Open", site: "Site", faults: list[str]) -> None:
    from kubestill.serving.page.routes import page_router

    with serving(site.service, page_router(site.service, site.shelf), keys=(KEY,)) as address:
        page = open_page("#/runs", address)
        page.get_by_role("dialog").wait_for()
        page.get_by_label("API key", exact=True).last.fill("not this one")
        page.keyboard.press("Enter")
        page.get_by_text("This key was refused.").wait_for()
        page.get_by_label("API key", exact=True).last.fill(KEY)
        page.keyboard.press("Enter")
        page.locator(".tiles").wait_for()
        page.goto(f"{address}/#/data")
        page.locator(".rows li").first.wait_for()
        assert page.get_by_role("dialog").count() == 0
        assert page.evaluate("[localStorage.length, Object.values({...sessionStorage}), document.cookie]") == [0, [KEY], ""]
    faults.clear()  # the browser notes each status of 401


def samples_of_yaml() -> list[str]:
    from kubestill.pipeline.looking import every_check

    return [text for _, check in every_check() for text in (*check.good, *check.bad)][::6]


def test_colours_lose_no_letter_and_keys_are_where_a_yaml_parser_finds_them(open_page: "Open") -> None:
    import yaml

    page = open_page()
    texts = [*samples_of_yaml(), "a: |\n  b: c\n\n  d\ne: 'x: y' # z\n- - f: [1, {g: h}]\n", '"k\\"": &a !t\n? x\n: y\n...\n%a\n\t', EVIL]
    found: list[list[list[list[str]]]] = page.evaluate(
        "async texts => { const { colour } = await import('./page/static/yaml.js'); return texts.map(colour) }", texts
    )
    seen = 0
    for text, lines in zip(texts, found, strict=True):
        assert "\n".join("".join(piece for _, piece in line) for line in lines) == text
        for line, column in _block_keys(yaml, text):
            at = 0
            for name, piece in lines[line]:
                if at <= column < at + len(piece):
                    assert name == "key", f"{line}:{column} of {text}"
                at += len(piece)
            seen += 1
    assert seen > 500


def _block_keys(yaml: Any, text: str) -> list[tuple[int, int]]:
    """Line and column of every key of a block mapping, by PyYAML's own reading."""
    try:
        nodes = [node for node in yaml.compose_all(text) if node is not None]
    except yaml.YAMLError:
        return []
    keys = []
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            nodes += [value for _, value in node.value]
            keys += [(key.start_mark.line, key.start_mark.column) for key, _ in node.value if not node.flow_style]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
    return keys


def test_a_difference_holds_both_texts(open_page: "Open") -> None:
    page = open_page()
    pairs = [(DEPLOYMENT, DEPLOYMENT.replace("nginx", "httpd")), ("", "a\nb"), ("a\nb\nc", "c\nb\na"), ("a\na\nb", "a\nb\nb\n"), ("x", "x")]
    found = page.evaluate(
        "async pairs => { const { difference } = await import('./page/static/diff.js'); return pairs.map(([a, b]) => difference(a, b)) }",
        [list(pair) for pair in pairs],
    )
    for (before, after), marked in zip(pairs, found, strict=True):
        assert "\n".join(line for mark, line in marked if mark != "+") == before.removesuffix("\n")
        assert "\n".join(line for mark, line in marked if mark != "-") == after.removesuffix("\n")
    assert json.dumps(found[-1]) == '[[" ", "x"]]'
