"""The only list of topics: every kind of question, by name."""

from collections.abc import Mapping

from kubestill.domains.kubernetes.skills.general import api, cluster, commands, contrast, numbers, stories, talk
from kubestill.domains.kubernetes.skills.general.topic import Topic

TOPICS: Mapping[str, Topic] = {
    topic.name: topic for module in (api, commands, numbers, cluster, stories, contrast, talk) for topic in module.TOPICS
}
