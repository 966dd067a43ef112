import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.shards import read_shards
from kubestill.stages.corpus.likeness import exact_key, near_key
from kubestill.stages.corpus.stage import STAGE, CorpusWhat


def test_each_content_is_kept_once_and_the_rest_is_counted(run, tmp_path):
    source = tmp_path / "repo"
    source.mkdir()
    (source / "crontab").write_text("0 5 * * * a\n0 5 * * * b\n0 6 * * * c\n0 5 * * MON d\nrubbish\n")
    done, artifact = run(STAGE, CorpusWhat(sources=(("crontabs", str(source)),)))
    assert [record["text"] for record in read_shards(artifact.path, "documents")] == ["0 5 * * *", "0 5 * * MON"]
    assert (done.tally.came, done.tally.kept) == (5, 2)
    assert done.tally.dropped == {"exact duplicate": 1, "near duplicate": 1, "not a cron expression": 1}
    assert done.figures["units"] == 1


def test_no_sources_give_an_empty_corpus(run):
    done, artifact = run(STAGE)
    assert done.tally.came == 0 and not list(artifact.path.iterdir())


@pytest.mark.parametrize(("content", "found"), [(None, "no such file"), ("", "found nothing"), ("rubbish\n", "1 entries, none usable")])
def test_a_source_that_gives_nothing_is_told(run, tmp_path, content, found):
    source = tmp_path / "lines.cron"
    if content is not None:
        source.write_text(content)
    with pytest.raises(UserError, match=found) as error:
        run(STAGE, CorpusWhat(sources=(("crontabs", str(source)),)))
    assert str(source) in str(error.value)


def test_comments_do_not_make_a_document_another_one_and_values_do():
    assert exact_key("a: 1\n\n# why\nb: 2  # so\n") == exact_key("a: 1\nb: 2")
    assert exact_key("a: 1") != exact_key("a: 2")
    assert near_key("b: 2\na: 1") == near_key("a: 10\nb: 7")
    assert near_key("a: 1") != near_key("b: 1")
