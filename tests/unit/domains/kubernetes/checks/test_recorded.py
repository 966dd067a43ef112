"""The rules against what a real API server said."""

from kubestill.domains.kubernetes.fullpass import full_pass


def test_nothing_that_the_server_took_is_refused_and_nearly_all_that_it_refused_is(recorded):
    refused_wrongly, missed, rejected = [], [], 0
    for said_no, message, text in recorded:
        rejected += said_no
        verdict = full_pass(text)
        if verdict.passed == said_no:
            (missed if said_no else refused_wrongly).append((message, verdict.findings[:2]))
    assert refused_wrongly == []
    # What depends on the cluster stays: an admin's label on a namespace, an admission plugin that is off.
    assert rejected > 20 and len(missed) <= rejected * 0.03, missed
