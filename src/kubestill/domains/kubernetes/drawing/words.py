"""Open vocabularies: names, images, hosts, paths. So large that a student can only copy them from the request.

Every word belongs to one part by its hash: what the evaluation says was never trained on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from random import Random

from kubestill.domains.api import HELD, TRAIN
from kubestill.ground.seeds import held_out

_SERVICE_WORDS = (
    "web api auth billing cart catalog checkout order orders payment payments invoice ledger inventory search index feed "
    "mail mailer notify notifier gateway proxy router edge ingest collector exporter scraper crawler parser worker runner "
    "scheduler queue broker stream events metrics logs tracing audit report reports dashboard portal admin console frontend "
    "backend site blog shop store pricing quote rating review reviews profile user users account accounts session token "
    "identity login signup avatar media image images video upload download files docs wiki chat forum game lobby match "
    "score leaderboard map geo weather sensor device fleet tracker route rider driver booking hotel flight ticket seat "
    "cinema music playlist podcast radio news alert alerts monitor probe sync mirror backup restore archive snapshot "
    "cleanup janitor migrate migration seed loader etl batch train model inference vision speech translate bot agent "
    "cache redis postgres mysql mongo kafka rabbit nats etcd vault consul grafana loki tempo jaeger prometheus nginx "
    "haproxy envoy traefik python node golang rust java legacy core main primary secondary internal public private test "
    "demo staging sandbox canary preview release stable nightly daily hello echo ping status health config settings flags "
    "data lake warehouse bridge relay hub spoke mesh tunnel vpn dns ntp ldap sso oauth webhook hook trigger action task "
    "tasks job jobs step flow pipeline build deploy artifact registry chart operator controller manager sidecar plugin"
).split()
_PLAIN_WORDS = (
    "willow maple cedar falcon heron otter badger lynx comet nova orbit saturn pluto mercury amber cobalt copper silver "
    "granite marble pebble river canyon harbor island summit meadow prairie tundra glacier breeze thunder ember spark "
    "lantern compass anchor rocket shuttle voyager pioneer nomad ranger scout sentinel guardian titan atlas apollo zephyr "
    "phoenix griffin kraken hydra mango papaya olive basil ginger saffron pepper cocoa mocha latte biscuit waffle noodle "
    "acorn beacon cactus dahlia easel ferret goblet hazel igloo jigsaw kettle lemur magnet nectar oyster pigeon quartz "
    "raven salmon timber umber violet walnut yonder zigzag blossom cricket dolphin emerald feather gazelle horizon indigo"
).split()
_ONSETS = "b br c ch cl d dr f fl g gr h j k kl l m n p pl pr qu r s sh sk st t tr v w y z".split()
_VOWELS = "a e i o u ai ee ou ia".split()
_CODAS = ("", "", "n", "r", "s", "l", "m", "rd", "th")  # chosen so that hardly any rude word comes out; these are left:
_RUDE = frozenset(
    "rape nazi penis vagina vulva turd niger negro negra kike paki tard retard pedo homo semen boner pube pubes dildo bimbo "
    "moron nude sodom puta puto merda caca tosser trani lesbo cum hure kurva".split()
)
_ENV_WORDS = (
    "LOG LEVEL DB HOST PORT URL API KEY TOKEN USER PASSWORD NAME MODE ENV DEBUG TIMEOUT CACHE REDIS QUEUE TOPIC REGION "
    "BUCKET PATH SECRET APP SERVICE ENDPOINT MAX MIN POOL SIZE WORKERS THREADS RETRY LIMIT FEATURE FLAG VERBOSE FORMAT "
    "LANG TZ SMTP FROM DOMAIN BASE ROOT DATA DIR CONFIG FILE CLIENT ID KAFKA BROKERS GROUP SENTRY DSN JAVA OPTS"
).split()


_TIME, _TIMED = re.compile(r"\d+[smh]\Z"), re.compile("TIMEOUT|RETRY|CACHE|LIMIT|MAX|MIN")
# What people write under keys that know few values: no disk has the file system `notify`.
KNOWN = {
    "fsType": ("ext4", "xfs"),
    "type": ("gp2", "gp3", "io1", "io2", "st1", "pd-ssd", "pd-standard", "pd-balanced"),
    "tier": ("standard", "premium", "fast", "slow", "gold", "silver"),
    "zone": ("eu-west-1a", "eu-central-1b", "us-east-1a", "us-west-2c", "europe-west1-b", "us-central1-a"),
    "disktype": ("ssd", "hdd", "nvme"),
    "pod-security.kubernetes.io/enforce": ("privileged", "baseline", "restricted"),  # any other level is refused
}


_VERSION = re.compile(r"(?:\A|-)v?(\d+(?:\.\d+)+\S*)\Z")


_NOUNS = 0.06  # of the words of what is trained on: whatever requests are made of may be a name, and be spelled


@cache
def _nouns() -> tuple[str, ...]:
    """Return what requests say and things are called, so that a student learns to spell what it does not point at."""
    return tuple(resources.files("kubestill.domains.kubernetes").joinpath("data/nouns.txt").read_text("utf-8").split())


@lru_cache(maxsize=65_536)
def _held(word: str) -> bool:
    return held_out("word", word)


@dataclass
class Words:
    """Draws open words of one part."""

    rng: Random
    part: str

    def _own(self, word: str) -> bool:
        return _held(word) == (self.part == HELD)

    def _listed(self, words: Sequence[str]) -> str:
        while not self._own(word := self.rng.choice(words)):
            pass
        return word

    def invented(self) -> str:
        """Return a word that is in no list."""
        rng = self.rng
        while True:
            word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.choice((1, 2, 2, 3))))
            if len(word) > 2 and word not in _RUDE and self._own(word):
                return word

    def word(self) -> str:
        """Return one word: of the trade, of the language, or invented; in training also of the words that requests are made of."""
        if self.part == TRAIN and self.rng.random() < _NOUNS:  # evaluations draw as ever, so that scores keep their meaning
            return self._listed(_nouns())
        roll = self.rng.random()
        return self._listed(_SERVICE_WORDS) if roll < 0.45 else self._listed(_PLAIN_WORDS) if roll < 0.65 else self.invented()

    def name(self) -> str:
        """Return an object's name: a DNS label."""
        rng, roll = self.rng, self.rng.random()
        if roll < 0.35:
            return self.word()
        parts = [self.word() for _ in range(2 if roll < 0.85 else 3)]
        if rng.random() < 0.15:
            parts.append(rng.choice(("v1", "v2", "prod", "dev", "01", "2", "eu", "us", str(rng.randrange(100)))))
        return "-".join(parts)

    def namespace(self) -> str:
        """Return a namespace."""
        rng = self.rng
        if rng.random() < 0.3:
            return rng.choice(
                ("default", "prod", "production", "staging", "dev", "test", "monitoring", "kube-system", "apps", "infra", "tools")
            )
        return self.name() if rng.random() < 0.5 else self.word()

    def image(self) -> str:
        """Return an image reference with or without registry, organisation, tag."""
        rng = self.rng
        base = self.name() if rng.random() < 0.6 else self.word()
        roll = rng.random()
        if roll < 0.35:
            base = f"{self.word()}/{base}"
        elif roll < 0.65:
            base = f"{self.host()}/{self.word()}/{base}"
        return base + (f":{self.tag()}" if rng.random() < 0.85 else "")

    def tag(self) -> str:
        """Return an image tag."""
        rng = self.rng
        version = ".".join(str(rng.randrange(30)) for _ in range(rng.choice((1, 2, 2, 3, 3))))
        roll = rng.random()
        if roll < 0.12:
            return rng.choice(("latest", "stable", "edge", "main", "alpine", "slim"))
        if roll < 0.3:
            return f"v{version}"
        return version + (f"-{rng.choice(('alpine', 'slim', 'rc1', 'bookworm', 'debian'))}" if roll < 0.45 else "")

    def host(self) -> str:
        """Return a host name."""
        rng = self.rng
        top = rng.choice(("com", "io", "dev", "org", "net", "example.com", "internal", "local", "co", "cloud"))
        head = f"{self.word()}." if rng.random() < 0.5 else ""
        return f"{head}{self.word()}.{top}"

    def path(self) -> str:
        """Return an absolute path of a file system."""
        rng = self.rng
        head = rng.choice(
            ("/data", "/etc", "/var/lib", "/var/log", "/opt", "/mnt", "/srv", "/usr/share", "/app", "/tmp", "/home", "/cache")
        )
        if head in ("/data", "/mnt", "/srv", "/app", "/tmp", "/cache") and rng.random() < 0.4:
            return head
        return f"{head}/{self.word()}" + (f"/{self.word()}" if rng.random() < 0.25 else "")

    def url_path(self) -> str:
        """Return a path of an HTTP request."""
        rng = self.rng
        if rng.random() < 0.5:
            return rng.choice(("/", "/healthz", "/health", "/ready", "/readyz", "/livez", "/ping", "/status", "/api", "/metrics", "/live"))
        return f"/{self.word()}" + (f"/{self.word()}" if rng.random() < 0.4 else "")

    def variable(self) -> str:
        """Return the name of an environment variable."""
        rng = self.rng
        parts = rng.sample(_ENV_WORDS, rng.choice((1, 2, 2, 2, 3)))
        if rng.random() < 0.25:
            parts[0] = self.word().upper()
        return "_".join(parts) if parts != ["PATH"] else "BASE_PATH"  # the one that no program can do without

    def text(self) -> str:
        """Return a configuration value: a word, a number, a URL, a flag."""
        rng, roll = self.rng, self.rng.random()
        if roll < 0.3:
            return self.word()
        if roll < 0.45:
            return rng.choice(("true", "false", "info", "debug", "warn", "error", "production", "on", "off", "enabled", "json"))
        if roll < 0.6:
            return str(rng.choice((rng.randrange(100), rng.randrange(10_000), rng.randrange(1, 10) * 100)))
        if roll < 0.75:
            scheme = rng.choice(("http", "https", "redis", "postgres", "amqp"))
            return f"{scheme}://{self.name()}{rng.choice(('', ':8080', ':5432', '.svc'))}/{self.word()}"
        if roll < 0.85:
            return self.host()
        return self.name() if roll < 0.95 else f"{rng.randrange(1, 60)}{rng.choice('smh')}"

    def setting(self, variable: str) -> str:
        """Return a value for an environment variable: no time for what is none."""
        text = self.text()
        return self.word() if _TIME.match(text) and not _TIMED.search(variable) else text

    def secret(self) -> str:
        """Return something that looks like a password."""
        rng = self.rng
        letters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        return (
            "".join(rng.choice(letters) for _ in range(rng.randrange(6, 18)))
            if rng.random() < 0.7
            else f"{self.word()}-{rng.randrange(1000)}"
        )

    def key(self) -> str:
        """Return a key of a ConfigMap or Secret."""
        rng, roll = self.rng, self.rng.random()
        if roll < 0.45:
            return self.variable()
        if roll < 0.7:
            return f"{self.word()}.{rng.choice(('conf', 'yaml', 'json', 'properties', 'txt', 'enabled', 'url', 'level'))}"
        return rng.choice(("username", "password", "token", "url", "host")) if roll < 0.85 else self.name()

    def of_key(self, key: str) -> str:
        """Return a value that fits a key: one of the few that it knows, else any word."""
        return self.rng.choice(KNOWN[key]) if key in KNOWN else self.word()

    def like(self, old: str) -> str:
        """Return another value of the sort of an old one."""
        found = next((values for values in (*KNOWN.values(), ("true", "false")) if old in values), ())
        if found:
            return self.rng.choice([value for value in found if value != old])
        version = _VERSION.search(old)
        return old[: version.start(1)] + self.version() if version else self.word()

    def version(self) -> str:
        """Return a version of three numbers."""
        return ".".join(str(self.rng.randrange(limit)) for limit in (9, 30, 10))

    def label(self) -> tuple[str, str]:
        """Return a label."""
        rng = self.rng
        key = rng.choice(("app", "tier", "team", "env", "component", "role", "version", "release", "track", "owner", "stage"))
        if rng.random() < 0.25:
            key = f"{self.host()}/{self.word()}" if rng.random() < 0.4 else self.word()
        if key == "version":
            return key, rng.choice((f"v{rng.randint(1, 9)}", self.version()))
        return key, rng.choice(("frontend", "backend", "prod", "dev", "stable", "canary")) if rng.random() < 0.2 else self.word()

    def port(self) -> int:
        """Return a port number."""
        rng, roll = self.rng, self.rng.random()
        if roll < 0.5:
            return rng.choice((80, 443, 8080, 3000, 5000, 8000, 8443, 9090, 5432, 6379, 27017, 3306, 9200, 8081, 9000, 50051, 4317))
        return rng.randrange(1024, 32768) if roll < 0.9 else rng.randrange(20, 1024)

    def memory(self, large: bool = False) -> str:
        """Return an amount of memory or, where `large`, of storage."""
        rng = self.rng
        if large:
            return rng.choice(
                (
                    "1Gi",
                    "2Gi",
                    "5Gi",
                    "8Gi",
                    "10Gi",
                    "20Gi",
                    "50Gi",
                    "100Gi",
                    "200Gi",
                    "500Gi",
                    "1Ti",
                    f"{rng.randrange(1, 400)}Gi",
                    "512Mi",
                )
            )
        return rng.choice(
            (
                "64Mi",
                "128Mi",
                "200Mi",
                "256Mi",
                "300Mi",
                "512Mi",
                "768Mi",
                "1Gi",
                "2Gi",
                "4Gi",
                "1.5Gi",
                f"{rng.randrange(2, 100) * 10}Mi",
                f"{rng.randrange(1, 17)}Gi",
            )
        )

    def cpu(self) -> str:
        """Return an amount of processor time."""
        rng = self.rng
        return rng.choice(
            (
                "50m",
                "100m",
                "200m",
                "250m",
                "500m",
                "750m",
                "1",
                "2",
                "4",
                "1500m",
                f"{rng.randrange(1, 100) * 10}m",
                str(rng.randrange(1, 17)),
            )
        )

    def schedule(self) -> str:
        """Return a five-field cron expression."""
        rng, roll = self.rng, self.rng.random()
        minute, hour = rng.choice((0, 0, 30, 15, rng.randrange(60))), rng.randrange(24)
        if roll < 0.25:
            return f"*/{rng.choice((2, 3, 5, 5, 10, 15, 20, 30))} * * * *"
        if roll < 0.35:
            return f"{minute} * * * *" if rng.random() < 0.7 else f"0 */{rng.choice((2, 3, 4, 6, 8, 12))} * * *"
        if roll < 0.65:
            return f"{minute} {hour} * * *"
        if roll < 0.85:
            return f"{minute} {hour} * * {rng.choice(('1-5', str(rng.randrange(7)), str(rng.randrange(7)), '6,0'))}"
        return f"{minute} {hour} {rng.choice((1, 1, 15, rng.randrange(1, 29)))} * *"

    def options(self) -> tuple[str, ...]:
        """Return the options that a program is started with."""
        rng = self.rng
        return tuple(rng.choice((f"--{self.word()}={self.word()}", f"--{self.word()}")) for _ in range(rng.choice((1, 1, 2))))

    def command(self) -> tuple[str, ...]:
        """Return a command line as a list."""
        rng, roll = self.rng, self.rng.random()
        if roll < 0.2:
            return (
                "sh",
                "-c",
                rng.choice(
                    (f"echo {self.word()} && sleep {rng.randrange(5, 999)}", f"{self.word()} --{self.word()}", f"date; echo {self.word()}")
                ),
            )
        program = rng.choice(
            ("python", "node", "./run.sh", "sleep", "/bin/app", "java", "bundle", "npm", "make", self.name(), f"/usr/bin/{self.word()}")
        )
        if program == "sleep":
            return ("sleep", str(rng.randrange(5, 9999)))
        rest = [
            rng.choice((self.word(), f"--{self.word()}={self.word()}", f"{self.word()}.py", f"--{self.word()}", f"{self.word()}.js"))
            for _ in range(rng.randrange(3))
        ]
        return (program, *rest)
