import json
import re
from pathlib import Path

import pytest

from kubestill.domains.api import Drop
from kubestill.domains.kubernetes.sources.markdown import clean, front_matter, segments
from kubestill.domains.kubernetes.sources.pages import TextSite, documents
from kubestill.domains.kubernetes.sources.shortcodes import resolve

SHARED = Path(__file__).parents[6] / "shared" / "data" / "docs.jsonl.gz"
GLOSSARY = "docs/reference/glossary"
SITE = TextSite(
    {
        f"{GLOSSARY}/pod.md": "---\ntitle: Pod\nid: pod\nshort_description: >\n  Small.\n---\nThe smallest "
        '{{< glossary_tooltip term_id="object" >}}.\n<!--more-->\nIt runs containers.\n',
        "examples/pods/simple.yaml": "apiVersion: v1\nkind: Pod\n",
        "includes/note.md": '{{< note >}}Read {{< param "version" >}} first.{{< /note >}}\n',
        "includes/self.md": 'again {{< include "self.md" >}}',
        f"{GLOSSARY}/loop.md": '---\ntitle: Loop\n---\nA {{< glossary_definition term_id="loop" >}}',
        "secret.md": "secret",
    },
    "1.36",
)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('{{< glossary_tooltip text="pods" term_id="pod" >}}', "pods"),
        ('{{<glossary_tooltip term_id="pod">}}', "Pod"),
        ('{{< glossary_tooltip term_id="node-pool" >}}', "node pool"),
        ('{{< glossary_definition term_id="pod" length="short" >}}', "The smallest object."),
        (
            '{{< glossary_definition prepend="A Pod is" term_id="pod" length="all" >}}',
            "A Pod is the smallest object.\n\nIt runs containers.",
        ),
        ('{{% code_sample file="pods/simple.yaml" %}}', "```yaml\napiVersion: v1\nkind: Pod\n```"),
        ('{{< codenew file="/pods/simple.yaml" >}}', "```yaml\napiVersion: v1\nkind: Pod\n```"),
        ('{{% code_sample file="pods/gone.yaml" %}}', ""),
        ('{{% code_sample file="../secret.md" %}}', ""),
        ('{{< feature-state for_k8s_version="v1.25" state="stable" >}}', "Feature state: Kubernetes v1.25 [stable]"),
        ('{{< feature-state feature_gate_name="A" >}}', "Feature state: see the feature gate `A`"),
        ("{{< note >}}\nMind this.\n{{< /note >}}", "Note: Mind this."),
        ("{{% caution %}}Hot.{{% /caution %}}", "Caution: Hot."),
        ('{{< tabs name="a" >}}{{% tab name="Linux" %}}one{{% /tab %}}{{< /tabs >}}', "**Linux**\n\none"),
        ('{{< tab name="Y" codelang="yaml" include="pods/simple.yaml" />}}', "**Y**\n\n\n```yaml\napiVersion: v1\nkind: Pod\n```"),
        ("{{< skew currentVersion >}} {{< skew prevMinorVersion >}} {{< skew currentVersionAddMinor -2 >}}", "1.36 1.35 1.34"),
        ('v{{< skew currentPatchVersion >}} {{< param "version" >}}', "v1.36.0 v1.36"),
        ('## {{% heading "whatsnext" %}}', "## What's next"),
        ('{{< highlight yaml "linenos=false" >}}\na: 1\n{{< / highlight >}}', "```yaml\n\na: 1\n\n```"),
        ("before {{< comment >}}hidden {{< note >}}{{< /comment >}}after", "before after"),
        ("before {{< mermaid >}}graph{{</ mermaid >}}after", "before after"),
        ("before {{< comment >}} never closed", "before  never closed"),
        ('{{< include "note.md" >}}', "Note: Read v1.36 first."),
        ('{{< include "../secret.md" >}}', ""),
        ("{{</* note */>}}", "{{< note >}}"),
        ("{{< no-such-thing a=1 >}}text{{< /no-such-thing >}}", "text"),
        ("{{ .Values.x }} {{< open", "{{ .Values.x }} {{< open"),
        ('{{< api-reference page="a/pod-v1" >}}', "pod-v1"),
        (r'{{< details summary="say \"hi\"" >}}x{{< /details >}}', '**say "hi"**\n\nx'),
    ],
)
def test_shortcodes_become_what_a_reader_sees(written, shown):
    assert resolve(written, SITE).strip() == shown


def test_what_includes_itself_ends():
    assert resolve('{{< include "self.md" >}}', SITE).count("again") == 3
    assert "A" in resolve('{{< glossary_definition term_id="loop" >}}', SITE)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('see [the *docs*](/docs/a/#b "title") and [two\nlines](x)', "see the *docs* and two\nlines"),
        ("![a picture](/a.svg) [![badge](b.svg)](c) end", " end"),
        ("[`kubectl get`](/x) <https://a.example/b> [named][ref]\n\n[ref]: https://x.example", "`kubectl get` https://a.example/b named"),
        ("## Heading {#heading-id}", "## Heading"),
        ("a <!-- hidden\nstill --> b", "a  b"),
        ("<p>One<br/>two &lt;name&gt; <b>bold</b></p>", "One\ntwo <name> **bold**"),
        ("replace <pod-name> and `<b>`", "replace <pod-name> and `<b>`"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td></td><td><p>c</p></td></tr></table>", "| a | b |\n\nc"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<script>alert(1)</script>text", "text"),
        ("```html\n<b>[x](y)</b> <!-- kept -->\n```", "```html\n<b>[x](y)</b> <!-- kept -->\n```"),
        ("   ```sh\n   kubectl get <x>\n   ```\n[a](b)", "```sh\n   kubectl get <x>\n   ```\na"),
    ],
)
def test_markdown_is_cleaned_outside_of_code(written, shown):
    assert clean(written).strip() == shown.strip()


def test_front_matter_in_yaml_and_toml():
    assert front_matter("---\ntitle: A\n---\nbody") == ({"title": "A"}, "\nbody")
    assert front_matter('+++\ntitle = "A"\n+++\nbody') == ({"title": "A"}, "\nbody")
    for text in ("--- no\n", "---\ntitle: never closed\n", "a"):
        assert front_matter(text) == ({}, text)
    bomb = (
        "---\na: &a [x,x]\n"
        + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
        + "---\nbody"
    )
    assert front_matter(bomb)[1] == "\nbody"


@pytest.mark.parametrize(
    "text",
    ["```\n" * 40_000, "~~~~ \n```\n" * 20_000, " " * 200_000 + "x", "<tr>" * 50_000, "<script>" * 30_000, "[" * 200_000, "[a](" * 50_000,
     "`" * 200_001, "<!--" * 50_000, "{{< note >}}" * 20_000, "{{<" * 60_000, '{{< a "' * 20_000, "\n" * 200_000, "**  " * 50_000,
     "<a " * 60_000],
    ids=lambda text: text[:6],
)  # fmt: skip
def test_a_hostile_page_ends(text):
    assert len(clean(resolve(text, SITE))) <= len(text) + 2**20  # what takes quadratic time takes minutes here


def test_a_website_clone_gives_its_english_pages_with_what_they_refer_to(tmp_path):
    content = tmp_path / "site" / "content"
    for path, text in {
        "en/docs/concepts/pod.md": "---\ntitle: Pods\ncontent_type: concept\n---\n"
        '{{% code_sample file="a.yaml" %}}\nin {{< skew currentVersion >}}\n',
        "en/docs/bare/_index.md": "Words of a section.\n",
        "en/docs/empty.md": "---\ntitle: Empty\n---\n<!-- nothing -->\n",
        f"en/{GLOSSARY}/pod.md": "---\ntitle: Pod\n---\nThe smallest one.\n",
        "en/examples/a.yaml": "a: 1\n",
        "en/examples/README.md": "not a page\n",
        "en/includes/b.md": "not a page\n",
        "de/docs/concepts/pod.md": "Ein Pod ist klein.\n",
    }.items():
        (content / path).parent.mkdir(parents=True, exist_ok=True)
        (content / path).write_text(text)
    (tmp_path / "site" / "hugo.toml").write_text('[params]\nversion = "v1.35"\n')
    (tmp_path / "site" / "LICENSE").write_text("Attribution 4.0 International\n")
    (content / "en" / "examples" / "out.yaml").symlink_to(tmp_path / "site" / "LICENSE")
    found = {one.source["page"]: one for one in documents(tmp_path / "site") if not isinstance(one, Drop)}
    assert sorted(found) == ["docs/bare", "docs/concepts/pod", f"{GLOSSARY}/pod"]
    pod = found["docs/concepts/pod"]
    assert pod.text == "# Pods\n\n```yaml\na: 1\n```\n\nin 1.35\n"
    assert (pod.kind, pod.form, pod.unit) == ("concept", "pages", "docs/concepts/pod")
    assert pod.source == {
        "repository": "site", "licence": "CC-BY-4.0", "path": "content/en/docs/concepts/pod.md",
        "page": "docs/concepts/pod", "title": "Pods",
    }  # fmt: skip
    assert found["docs/bare"].text == "# bare\n\nWords of a section.\n"
    assert found[f"{GLOSSARY}/pod"].kind == "glossary"


def test_records_refer_to_each_other_and_state_their_provenance(tmp_path):
    rows = [
        {"path": "content/en/docs/a.md", "title": "A", "content_type": "task", "text": 'See {{< glossary_tooltip term_id="pod" >}}.',
         "repo": "k/w", "commit": "c", "licence": "CC-BY-4.0"},
        {"path": f"content/en/{GLOSSARY}/pod.md", "text": "---\ntitle: The Pod\n---\nSmall."},
    ]  # fmt: skip
    (tmp_path / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    first, second = documents(tmp_path / "pages.jsonl")
    assert first.text == "# A\n\nSee The Pod.\n" and first.kind == "task"
    assert first.source == {
        "repository": "k/w",
        "commit": "c",
        "licence": "CC-BY-4.0",
        "path": rows[0]["path"],
        "page": "docs/a",
        "title": "A",
    }
    assert second.kind == "glossary"


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/docs.jsonl.gz is not here")
def test_of_the_real_documentation_nothing_of_hugo_or_html_is_left():
    found = list(documents(SHARED))
    pages = [one for one in found if not isinstance(one, Drop)]
    assert len(found) == 1_499 and len(pages) == 1_446
    assert {one.reason for one in found if isinstance(one, Drop)} == {"a page without text"}
    assert len({page.id for page in pages}) > 1_400 and all(page.source["page"] for page in pages)
    left = re.compile(r"\{\{[<%]|</?(?:table|td|tr|p|li|div|span|a href|code)\b[^>]*>|\]\([^)\s]+\)|<!--|\{#|&(?:nbsp|lt|gt|amp);")
    marked = [
        (page.source["page"], match[0])
        for page in pages
        for is_code, text in segments(page.text)
        if not is_code and (match := left.search(re.sub(r"`[^`\n]*`", "", text)))
    ]
    assert [one for one in marked if not one[0].startswith("docs/contribute/")] == []  # pages that tell how to write shortcodes
