/* Reads the YAML that Kubernetes manifests are written in, straight into Python objects.
 *
 * One function, document(text, number), takes the text of one document and returns (object, line), or None for "not mine": then
 * the caller's slow reader (libyaml's events) takes over. It must equal the slow reader in all that it accepts, so everything
 * unusual is refused: tabs, CR, control and non-ASCII characters, anchors, aliases, tags, merge keys, directives, `? ` keys,
 * keys that are no strings, equal keys, a root that is no block mapping, and whatever the slow reader would call a fault.
 *
 * The comments name the functions of libyaml 0.2.5 (scanner.c, parser.c) whose behaviour is followed. Since all is ASCII, a
 * column is a count of bytes. A function returns NULL (or -1) both for a refusal and for a Python error; PyErr tells them apart.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

enum {
    MAX_DEPTH = 90,        /* the slow reader refuses beyond 100 and says where */
    MAX_NODES = 200000,    /* the same: it refuses beyond 250,000 */
    MAX_KEY = 1000,        /* libyaml gives up a simple key after 1,024 characters */
    CACHED_LENGTH = 48,    /* longer strings seldom come twice */
    CACHE_SLOTS = 4096,    /* a power of two; a slot holds one string, the newest */
};

/* What a byte can be: several bits each. */
enum { STOP = 1, FLOW_STOP = 2, STARTS = 4, WORDY = 8, NUMERIC = 16, IN_NUMBER = 32 };

static unsigned char classes[256];
static PyObject *cache[CACHE_SLOTS];

typedef struct {
    const char *at;      /* the next character to read */
    const char *line;    /* where the line of `at` starts */
    const char *end;     /* the end of the text; a NUL stands there */
    char *scratch;       /* as long as the text: room for scalars that are no slice of it; made on first use */
    PyObject *number;    /* number(str) -> int | float | str, for all but plain decimal integers; ValueError refuses */
    Py_ssize_t nodes;     /* an upper bound of what the slow reader counts */
    int depth;
} Reader;

typedef struct {
    const char *end;     /* behind the scalar's last character that is not blank */
    const char *stop;    /* the character that ended it */
} Span;

static PyObject *node(Reader *r, Py_ssize_t indent);
static PyObject *flow_node(Reader *r);

/* ---- characters ------------------------------------------------------------------------------------------------------- */
static void mark_class(const char *letters, int bits) {
    for (; *letters; letters++) classes[(unsigned char)*letters] |= (unsigned char)bits;
}

static void fill_classes(void) {
    for (int c = 0x20; c < 0x7f; c++) classes[c] |= STARTS;
    for (const char *one = " -?:,[]{}#&*!|>'\"%@`"; *one; one++) /* these start no plain scalar; '-' is looked at apart */
        classes[(unsigned char)*one] &= (unsigned char)~STARTS;
    classes['\n'] |= STOP;
    classes[0] |= STOP;
    mark_class(" #:", STOP);
    mark_class(",[]{}?", FLOW_STOP);
    mark_class("yYnNtTfFoO~", WORDY);
    mark_class("+-.0123456789", NUMERIC);
    mark_class("0123456789abcdefABCDEFxXoO+-._iInN", IN_NUMBER);
}

static int is(const char *p, int bits) {
    return classes[(unsigned char)*p] & bits;
}

/* The NUL behind the text counts as its end; one inside was refused by `clean`. */
static int blank_or_end(const char *p) {
    return *p == ' ' || *p == '\n' || *p == '\0';
}

static int clean(const char *p, const char *end) {
    unsigned bad = 0;
    for (; p < end; p++) bad |= ((unsigned char)*p - 0x20u > 0x5eu) & (*p != '\n');
    return !bad;
}

static int is_dash(const char *p) {
    return *p == '-' && blank_or_end(p + 1);
}

/* A document's marker ends whatever it meets (yaml_parser_fetch_next_token). */
static int is_marker(const char *p) {
    return (!strncmp(p, "---", 3) || !strncmp(p, "...", 3)) && blank_or_end(p + 3);
}

static int starts_plain(const char *p) {
    return is(p, STARTS) || (*p == '-' && !blank_or_end(p + 1));
}

static Py_ssize_t column(const Reader *r) {
    return r->at == r->end ? -1 : r->at - r->line;
}

/* ---- between tokens --------------------------------------------------------------------------------------------------- */
static void skip_spaces(Reader *r) {
    while (*r->at == ' ') r->at++;
}

static void skip_to_break(Reader *r) {
    const char *found = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->at = found ? found : r->end;
}

/* Skip blanks, breaks and comments up to the next token. -1 where a comment touches a token, or at a document's marker. */
static int gap(Reader *r) {
    for (;;) {
        skip_spaces(r);
        if (*r->at == '#') {
            if (r->at > r->line && r->at[-1] != ' ') return -1;
            skip_to_break(r);
        }
        if (*r->at != '\n') return 0;
        r->line = ++r->at;
        if (is_marker(r->at)) return -1;
    }
}

/* Go to the first token of a later line. -1 when something else stands on this one. */
static int finish_line(Reader *r) {
    const char *line = r->line;
    return gap(r) || (r->line == line && r->at != r->end) ? -1 : 0;
}

/* ---- scalars ---------------------------------------------------------------------------------------------------------- */
/* Drop what was made so far. */
static PyObject *refuse(PyObject *unfinished) {
    Py_XDECREF(unfinished);
    return NULL;
}

static PyObject *new_text(const char *start, Py_ssize_t length) {
    PyObject *made = PyUnicode_New(length, 127);
    if (made && length) memcpy(PyUnicode_1BYTE_DATA(made), start, (size_t)length);
    return made;
}

/* Return the string; short ones from the cache, so that their hash is known and equal keys are the same object. */
static PyObject *text(const char *start, Py_ssize_t length) {
    if (length > CACHED_LENGTH || !length) return new_text(start, length);
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (Py_ssize_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)start[i]) * 16777619u;
    PyObject **slot = &cache[(hash ^ (hash >> 15)) & (CACHE_SLOTS - 1)];
    if (*slot && PyUnicode_GET_LENGTH(*slot) == length && !memcmp(PyUnicode_1BYTE_DATA(*slot), start, (size_t)length))
        return Py_NewRef(*slot);
    PyObject *made = new_text(start, length);
    if (!made) return NULL;
    PyUnicode_InternInPlace(&made);
    Py_XSETREF(*slot, made);
    return Py_NewRef(made);
}

static int among(const char *start, Py_ssize_t length, const char *const *words) {
    for (; *words; words++)
        if ((Py_ssize_t)strlen(*words) == length && !memcmp(start, *words, (size_t)length)) return 1;
    return 0;
}

/* scalars.WORDS */
static PyObject *word(const char *start, Py_ssize_t length) {
    static const char *const yes[] = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL};
    static const char *const no[] = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL};
    static const char *const null[] = {"~", "null", "Null", "NULL", NULL};
    if (length > 5) return text(start, length);
    if (among(start, length, yes)) return Py_NewRef(Py_True);
    if (among(start, length, no)) return Py_NewRef(Py_False);
    return among(start, length, null) ? Py_NewRef(Py_None) : text(start, length);
}

/* scalars.number: plain decimals here, what cannot be a number as text, and the rest by the same function as the slow reader. */
static PyObject *numeric(Reader *r, const char *start, Py_ssize_t length) {
    long long value = 0;
    Py_ssize_t digits = 0;
    while (digits < length && start[digits] >= '0' && start[digits] <= '9' && digits < 18)
        value = value * 10 + (start[digits++] - '0');
    if (digits == length && (start[0] != '0' || length == 1)) return PyLong_FromLongLong(value);
    for (Py_ssize_t i = digits; i < length; i++)
        if (!is(start + i, IN_NUMBER)) return text(start, length);
    PyObject *string = text(start, length);
    PyObject *result = string ? PyObject_CallOneArg(r->number, string) : NULL;
    Py_XDECREF(string);
    if (!result && PyErr_ExceptionMatches(PyExc_ValueError))
        PyErr_Clear(); /* .inf and .nan: the slow reader says so */
    return result;
}

static PyObject *resolved(Reader *r, const char *start, Py_ssize_t length) {
    if (is(start, WORDY)) return word(start, length);
    return is(start, NUMERIC) ? numeric(r, start, length) : text(start, length);
}

/* Nothing read from here on needs more room: a scalar is never longer than what it is written with. */
static char *scratch(Reader *r) {
    if (!r->scratch && !(r->scratch = PyMem_Malloc((size_t)(r->end - r->at) + 1))) PyErr_NoMemory();
    return r->scratch;
}

/* One line of a plain scalar (yaml_parser_scan_plain_scalar). `stop` is a break, the end, a '#' behind a blank, a ':' that makes
 * a key, or in flow context one of ",[]{}?" or a ':' before one of them. */
static Span plain_line(const char *p, int flow) {
    Span span = {p, p};
    int stops = flow ? STOP | FLOW_STOP : STOP;
    for (;; p++) {
        if (!is(p, stops)) continue;
        if (*p == ' ' || (*p == '#' && p[-1] != ' ')) continue;
        if (*p == ':' && !blank_or_end(p + 1) && !(flow && is(p + 1, FLOW_STOP))) continue;
        break;
    }
    span.stop = p;
    while (p > span.end && p[-1] == ' ') p--;
    span.end = p;
    return span;
}

/* Return where a plain scalar goes on in a later line, or NULL; `breaks` counts the line breaks between. */
static const char *continuation(const Reader *r, const char *p, Py_ssize_t indent, Py_ssize_t *breaks) {
    const char *line = p;
    for (*breaks = 0; *p == '\n' || *p == ' '; p++)
        if (*p == '\n') {
            line = p + 1;
            ++*breaks;
        }
    return p < r->end && *p != '#' && p - line > indent ? p : NULL;
}

/* A plain scalar of several lines: one break is a blank, n + 1 breaks are n. */
static PyObject *folded_plain(Reader *r, Span span, Py_ssize_t indent) {
    Py_ssize_t breaks;
    const char *next;
    char *out = r->scratch;
    Py_ssize_t length = span.end - r->at;
    memcpy(out, r->at, (size_t)length);
    while (*span.stop == '\n' && (next = continuation(r, span.stop, indent, &breaks))) {
        if (breaks == 1) out[length++] = ' ';
        for (; breaks > 1; breaks--) out[length++] = '\n';
        span = plain_line(next, 0);
        memcpy(out + length, next, (size_t)(span.end - next));
        length += span.end - next;
    }
    r->at = span.stop;
    while (r->line < r->at && (next = memchr(r->line, '\n', (size_t)(r->at - r->line)))) r->line = next + 1;
    return *span.stop == ':' || finish_line(r) ? NULL : resolved(r, out, length);
}

static PyObject *plain(Reader *r, Py_ssize_t indent) {
    Py_ssize_t breaks;
    const char *start = r->at;
    Span span = plain_line(start, 0);
    if (*span.stop == ':') return NULL;
    if (*span.stop == '\n' && continuation(r, span.stop, indent, &breaks))
        return scratch(r) ? folded_plain(r, span, indent) : NULL;
    r->at = span.stop;
    return finish_line(r) ? NULL : resolved(r, start, span.end - start);
}

/* The character that an escape stands for; 0 for those that are refused. */
static char escaped(char letter) {
    static const char from[] = "ntr\"\\/ ", to[] = "\n\t\r\"\\/ ";
    const char *found = letter ? strchr(from, letter) : NULL;
    return (char)(found ? to[found - from] : 0);
}

/* Fold the blanks and breaks at `at` inside a quoted scalar (yaml_parser_scan_flow_scalar). */
static int fold_quoted(Reader *r, char *out, Py_ssize_t *length) {
    const char *start = r->at;
    Py_ssize_t breaks = 0;
    for (; *r->at == ' ' || *r->at == '\n'; r->at++)
        if (*r->at == '\n') {
            r->line = r->at + 1;
            breaks++;
            if (is_marker(r->line)) return -1;
        }
    if (!breaks)
        for (; start < r->at; start++) out[(*length)++] = ' ';
    if (breaks == 1) out[(*length)++] = ' ';
    for (; breaks > 1; breaks--) out[(*length)++] = '\n';
    return 0;
}

/* A quoted scalar with escapes or of several lines. */
static PyObject *quoted_slowly(Reader *r, char quote) {
    char *out = scratch(r);
    Py_ssize_t length = 0;
    if (!out) return NULL;
    while (*r->at != quote || (quote == '\'' && r->at[1] == quote)) {
        if (r->at == r->end) return NULL;
        if (*r->at == ' ' || *r->at == '\n') {
            if (fold_quoted(r, out, &length)) return NULL;
        } else if (*r->at == quote) {
            out[length++] = quote;
            r->at += 2;
        } else if (*r->at == '\\' && quote == '"') {
            if (!(out[length++] = escaped(r->at[1]))) return NULL;
            r->at += 2;
        } else
            out[length++] = *r->at++;
    }
    r->at++;
    return text(out, length);
}

/* A quoted scalar; `at` is on its quote, and is left behind the other one. */
static PyObject *quoted(Reader *r) {
    char quote = *r->at++;
    const char *p = r->at;
    while (*p != quote && *p != '\n' && *p != '\\' && *p) p++;
    if (*p != quote || (quote == '\'' && p[1] == quote)) return quoted_slowly(r, quote);
    const char *start = r->at;
    r->at = p + 1;
    return text(start, p - start);
}

/* ---- block scalars: yaml_parser_scan_block_scalar ---------------------------------------------------------------------- */
/* Skip empty lines and indentation; finds the indent on the first call (0). Returns the number of breaks passed. */
static Py_ssize_t block_breaks(Reader *r, Py_ssize_t *indent, Py_ssize_t least) {
    Py_ssize_t breaks = 0, deepest = 0;
    for (;;) {
        while ((!*indent || r->at - r->line < *indent) && *r->at == ' ') r->at++;
        if (r->at - r->line > deepest) deepest = r->at - r->line;
        if (*r->at != '\n') break;
        r->line = ++r->at;
        breaks++;
    }
    if (!*indent) *indent = deepest > least ? deepest : least;
    return breaks;
}

static char *put_breaks(char *out, Py_ssize_t breaks) {
    memset(out, '\n', (size_t)breaks);
    return out + breaks;
}

/* The lines of a block scalar; `at` is at the start of the first. */
static PyObject *block_lines(Reader *r, int literal, char chomping, Py_ssize_t parent) {
    char *out = r->scratch;
    Py_ssize_t indent = 0, breaks = block_breaks(r, &indent, parent + 1), broken = 0;
    int was_blank = 0;
    while (r->at < r->end && r->at - r->line == indent) {
        int blank = *r->at == ' ';
        if (!literal && broken && !was_blank && !blank) {
            if (!breaks) *out++ = ' ';
        } else
            out = put_breaks(out, broken);
        out = put_breaks(out, breaks);
        was_blank = blank;
        const char *start = r->at;
        skip_to_break(r);
        memcpy(out, start, (size_t)(r->at - start));
        out += r->at - start;
        if ((broken = r->at < r->end)) r->line = ++r->at;
        breaks = block_breaks(r, &indent, 0);
    }
    if (chomping != '-') out = put_breaks(out, broken);
    if (chomping == '+') out = put_breaks(out, breaks);
    return new_text(r->scratch, out - r->scratch);
}

static PyObject *block_scalar(Reader *r, Py_ssize_t parent) {
    int literal = *r->at++ == '|';
    char chomping = *r->at == '-' || *r->at == '+' ? *r->at++ : ' ';
    const char *header = r->at;
    skip_spaces(r);
    if (*r->at == '#' && r->at > header) skip_to_break(r);
    if (*r->at != '\n' || !scratch(r)) return NULL;
    r->line = ++r->at;
    PyObject *value = block_lines(r, literal, chomping, parent);
    if (r->at == r->end) return value;
    r->at = r->line; /* the line that ended it is looked at afresh */
    return is_marker(r->at) || gap(r) ? refuse(value) : value;
}

/* ---- flow collections -------------------------------------------------------------------------------------------------- */
/* The key of a mapping and its ':'; `at` is left behind it. A key is a string on one line. */
static PyObject *key(Reader *r, int flow) {
    PyObject *name;
    const char *start = r->at, *line = r->line;
    int is_quoted = *start == '"' || *start == '\'';
    if (++r->nodes > MAX_NODES) return NULL;
    if (is_quoted)
        name = quoted(r);
    else {
        if (!starts_plain(start)) return NULL;
        Span span = plain_line(start, flow);
        if (*span.stop != ':' || (span.end - start == 2 && !memcmp(start, "<<", 2))) return NULL;
        name = resolved(r, start, span.end - start);
        r->at = span.stop;
    }
    if (!name) return NULL;
    skip_spaces(r);
    if (*r->at != ':' || !(blank_or_end(r->at + 1) || (flow && is_quoted)) || r->at - start > MAX_KEY || r->line != line)
        return refuse(name);
    r->at++;
    return PyUnicode_CheckExact(name) ? name : refuse(name);
}

/* Put an item into a mapping and release both; a key that stands there is refused. */
static int put(PyObject *mapping, PyObject *name, PyObject *value) {
    Py_ssize_t before = PyDict_GET_SIZE(mapping);
    int failed = !value || PyDict_SetItem(mapping, name, value) || PyDict_GET_SIZE(mapping) == before;
    Py_DECREF(name);
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

static int append(PyObject *list, PyObject *value) {
    int failed = !value || PyList_Append(list, value);
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

/* After an item: 1 to go on, 0 at the closing bracket (passed), -1 to refuse. */
static int comma(Reader *r, char closing) {
    if (gap(r)) return -1;
    if (*r->at == ',') {
        r->at++;
        if (gap(r)) return -1;
        if (*r->at != closing) return 1;
    }
    return *r->at++ == closing ? 0 : -1;
}

static PyObject *flow_sequence(Reader *r) {
    int more = 1;
    PyObject *list = PyList_New(0);
    if (!list) return NULL;
    while (more > 0) more = append(list, flow_node(r)) ? -1 : comma(r, ']');
    return more ? refuse(list) : list;
}

static PyObject *flow_mapping(Reader *r) {
    int more = 1;
    PyObject *mapping = PyDict_New();
    if (!mapping) return NULL;
    while (more > 0) {
        PyObject *name = key(r, 1);
        if (!name) return refuse(mapping);
        more = put(mapping, name, gap(r) ? NULL : flow_node(r)) ? -1 : comma(r, '}');
    }
    return more ? refuse(mapping) : mapping;
}

/* A list or mapping in brackets; `at` is on the opening one. */
static PyObject *flow_collection(Reader *r) {
    int is_list = *r->at++ == '[';
    if (gap(r) || r->depth >= MAX_DEPTH) return NULL;
    if (*r->at == (is_list ? ']' : '}')) {
        r->at++;
        return is_list ? PyList_New(0) : PyDict_New();
    }
    r->depth++;
    PyObject *value = is_list ? flow_sequence(r) : flow_mapping(r);
    r->depth--;
    return value;
}

static PyObject *flow_node(Reader *r) {
    if (++r->nodes > MAX_NODES) return NULL;
    if (*r->at == '[' || *r->at == '{') return flow_collection(r);
    if (*r->at == '"' || *r->at == '\'') return quoted(r);
    if (!starts_plain(r->at)) return NULL;
    const char *start = r->at;
    Span span = plain_line(start, 1);
    r->at = span.stop;
    return resolved(r, start, span.end - start);
}

/* ---- block collections ------------------------------------------------------------------------------------------------- */
/* A scalar or a flow collection, up to the end of its last line. */
static PyObject *leaf(Reader *r, Py_ssize_t indent) {
    if (*r->at == '|' || *r->at == '>') return block_scalar(r, indent);
    if (starts_plain(r->at)) return plain(r, indent);
    int is_quoted = *r->at == '"' || *r->at == '\'', is_flow = *r->at == '[' || *r->at == '{';
    PyObject *value = is_quoted ? quoted(r) : is_flow ? flow_collection(r) : NULL;
    return value && finish_line(r) ? refuse(value) : value;
}

/* Whether a key stands at `at`: only then can a mapping start here. */
static int key_ahead(const char *p) {
    char quote = *p;
    if (quote != '"' && quote != '\'') return starts_plain(p) && *plain_line(p, 0).stop == ':';
    for (p++; *p != quote || (quote == '\'' && p[1] == quote); p++) {
        if (*p == '\n' || !*p) return 0;
        if ((*p == '\\' && quote == '"') || *p == quote) p++;
        if (!*p) return 0;
    }
    p += 1 + strspn(p + 1, " ");
    return *p == ':' && blank_or_end(p + 1);
}

static PyObject *sequence(Reader *r, Py_ssize_t indent) {
    PyObject *list = PyList_New(0);
    while (list && column(r) == indent && is_dash(r->at)) {
        const char *line = r->line;
        r->at++;
        if (gap(r) || ++r->nodes > MAX_NODES) return refuse(list);
        int empty = r->line != line && column(r) <= indent;
        if (append(list, empty ? Py_NewRef(Py_None) : r->at == r->end ? NULL : node(r, indent))) return refuse(list);
    }
    return list && column(r) > indent ? refuse(list) : list;
}

/* What follows "key:" in a mapping whose keys stand at `indent`. */
static PyObject *mapping_value(Reader *r, Py_ssize_t indent) {
    const char *line = r->line;
    if (gap(r)) return NULL;
    if (r->line == line && r->at != r->end) {
        r->nodes++;
        return leaf(r, indent);
    }
    if (column(r) > indent) return node(r, indent);
    r->nodes++;
    return column(r) == indent && is_dash(r->at) ? sequence(r, indent) : Py_NewRef(Py_None);
}

static PyObject *mapping(Reader *r, Py_ssize_t indent) {
    PyObject *found = PyDict_New();
    while (found && column(r) == indent) {
        PyObject *name = key(r, 0);
        if (!name || put(found, name, mapping_value(r, indent))) return refuse(found);
    }
    return found && column(r) > indent ? refuse(found) : found;
}

/* The node at `at`, which stands deeper than its parent's `indent`. */
static PyObject *node(Reader *r, Py_ssize_t indent) {
    Py_ssize_t own = column(r);
    PyObject *value;
    if (++r->nodes > MAX_NODES || r->depth >= MAX_DEPTH) return NULL;
    r->depth++;
    if (is_dash(r->at)) {
        value = sequence(r, own);
        if (value && column(r) == own) /* neither an item nor the end */
            value = refuse(value);
    } else
        value = key_ahead(r->at) ? mapping(r, own) : leaf(r, indent);
    r->depth--;
    return value;
}

/* ---- the module -------------------------------------------------------------------------------------------------------- */
/* Go to the first key, past comments and one "---". */
static int open_document(Reader *r) {
    for (;; r->line = ++r->at) {
        skip_spaces(r);
        if (*r->at == '#') skip_to_break(r);
        if (*r->at != '\n') break;
    }
    if (r->at == r->line && is_marker(r->at)) {
        r->at += 3;
        if (r->line[0] != '-' || finish_line(r)) return -1;
    }
    return r->at == r->end || is_dash(r->at) || !key_ahead(r->at) ? -1 : 0;
}

static PyObject *whole(Reader *r, const char *start) {
    if (open_document(r)) return NULL;
    long lines = 0;
    for (const char *p = start; p < r->line; p++) lines += *p == '\n';
    PyObject *value = node(r, -1);
    return value && r->at == r->end ? Py_BuildValue("(Nl)", value, lines) : refuse(value);
}

PyDoc_STRVAR(document_doc,
"document(text, number) -> tuple[dict, int] | None\n\n"
"Return the object that one YAML document holds and how many lines stand before it, or None for what the slow reader must take.\n"
"`number` is scalars.number.");

static PyObject *document(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count) {
    if (count != 2 || !PyUnicode_Check(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "document(text: str, number: Callable[[str], int | float | str])");
    if (PyUnicode_READY(arguments[0])) return NULL;
    if (!PyUnicode_IS_ASCII(arguments[0])) Py_RETURN_NONE;
    const char *start = (const char *)PyUnicode_1BYTE_DATA(arguments[0]), *end = start + PyUnicode_GET_LENGTH(arguments[0]);
    Reader r = {.at = start, .line = start, .end = end, .number = arguments[1]};
    PyObject *found = clean(start, end) ? whole(&r, start) : NULL;
    PyMem_Free(r.scratch);
    return found || PyErr_Occurred() ? found : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"document", (PyCFunction)(void (*)(void))document, METH_FASTCALL, document_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "fastyaml", .m_doc = "The quick reader of block-style YAML.", .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit_fastyaml(void) {
    fill_classes();
    return PyModule_Create(&definition);
}
