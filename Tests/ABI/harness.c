/* Runs a plugin's callbacks against a host that is none, of ABI 1 or of a later one, with every struct at a page that may not
 * be read: built with AddressSanitizer it shows what a plugin does to memory. Values are made up, so nothing is computed.
 *
 * usage: harness LIBRARY [later] [all]     later: the host of a later ABI; all: every function of every table but kernels must have been called */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "guarded.h"
#include "peft_plugin.h"

enum { FUNCTIONS = 256, MORE = 8, SIZE = 16, SITES = 6 };

static unsigned long calls[FUNCTIONS];
static int failures, answer; /* what settings are, where they are true or false */
static peft_value next;

static uint64_t called(int number)
{
    calls[number]++;
    return ++next;
}

/* One function for every place of every table: it counts its calls and gives a new value. */
#define ONE(n) static uint64_t f##n(void) { return called(0x##n); }
#define SIXTEEN(n) ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6) ONE(n##7) \
    ONE(n##8) ONE(n##9) ONE(n##a) ONE(n##b) ONE(n##c) ONE(n##d) ONE(n##e) ONE(n##f)
#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(a) X(b) X(c) X(d) X(e) X(f)
ALL(SIXTEEN)
#define NAME(n) f##n,
#define NAMES(n) NAME(n##0) NAME(n##1) NAME(n##2) NAME(n##3) NAME(n##4) NAME(n##5) NAME(n##6) NAME(n##7) \
    NAME(n##8) NAME(n##9) NAME(n##a) NAME(n##b) NAME(n##c) NAME(n##d) NAME(n##e) NAME(n##f)
static uint64_t (*const functions[FUNCTIONS])(void) = {ALL(NAMES)};

/* Where a value would not do: the numbers of the functions that these stand for. */
static int own[64];
static int owns;
#define COUNTED(function) called(own[function##_])
enum {
    fail_, warn_, failed_, integer_, number_, boolean_, string_, is_null_, count_, integer_at_, number_at_, string_at_, at_site_,
    model_size_, model_type_, model_task_, site_count_, site_get_, take_, of_count_, begin_, end_, set_, not_mergeable_, rank_,
    size_, tensor_, masked_, sidecar_, field_, field_from_, kind_, c_integer_, c_number_, c_boolean_, c_string_, c_count_, key_,
    set_integer_, set_number_, set_boolean_, set_string_, set_pattern_, has_tensor_, collect_, done_, hyperparameter_, sort_,
    top_k_, qr_, svd_
};

static int32_t fail(peft_trace *t, const char *message)
{
    (void)t;
    COUNTED(fail);
    failures++;
    printf("  the plugin says: %s\n", message);
    return PEFT_ERROR;
}
static void warn(peft_trace *t, const char *message) { (void)t; COUNTED(warn); printf("  warning: %s\n", message); }
static int32_t failed(peft_trace *t) { (void)t; COUNTED(failed); return 0; }
static int64_t integer(peft_trace *t, const char *n) { (void)t; (void)strlen(n); COUNTED(integer); return 4; }
static double number(peft_trace *t, const char *n) { (void)t; (void)strlen(n); COUNTED(number); return 0.5; }
static int32_t boolean(peft_trace *t, const char *n) { (void)t; (void)strlen(n); COUNTED(boolean); return answer; }
static const char *string(peft_trace *t, const char *n) { (void)t; (void)strlen(n); COUNTED(string); return "ab"; }
static int32_t is_null(peft_trace *t, const char *n) { (void)t; (void)n; COUNTED(is_null); return 0; }
static int64_t count(peft_trace *t, const char *n) { (void)t; (void)n; COUNTED(count); return 2; }
static int64_t integer_at(peft_trace *t, const char *n, int64_t i) { (void)t; (void)n; COUNTED(integer_at); return i; }
static double number_at(peft_trace *t, const char *n, int64_t i) { (void)t; (void)n; COUNTED(number_at); return (double)i; }
static const char *string_at(peft_trace *t, const char *n, int64_t i) { (void)t; (void)n; COUNTED(string_at); return i ? "b" : "a"; }
static int32_t at_site(peft_trace *t, int64_t i) { (void)t; (void)i; COUNTED(at_site); return PEFT_OK; }
static int64_t model_size(peft_trace *t, int32_t which) { (void)t; COUNTED(model_size); return which == PEFT_MODEL_LAYERS ? 1 : SIZE; }
static const char *model_type(peft_trace *t) { (void)t; COUNTED(model_type); return "llama"; }
static const char *model_task(peft_trace *t) { (void)t; COUNTED(model_task); return answer ? "" : "SEQ_CLS"; }

static void describe(int64_t index, peft_site *site)
{
    static const int32_t roles[SITES] = {
        PEFT_ROLE_QUERY, PEFT_ROLE_EMBEDDING, PEFT_ROLE_PROMPT, PEFT_ROLE_ATTENTION, PEFT_ROLE_MLP, PEFT_ROLE_NORM};
    static const char *const names[SITES] = {
        "model.layers.0.self_attn.q_proj", "model.embed_tokens", "", "model.layers.0.self_attn", "model.layers.0.mlp",
        "model.norm.weight"};
    const peft_site known = {
        .struct_size = site->struct_size, .kind = (int32_t)index, .role = roles[index],
        .layer = index == PEFT_SITE_EMBEDDING || index == PEFT_SITE_WEIGHT ? -1 : 0, .name = names[index],
        .inputs = SIZE, .outputs = SIZE, .heads = 4, .key_heads = 2, .head_size = 4, .has_bias = 1, .rank = 1, .shape = {SIZE}};
    memcpy(site, &known, sizeof known);
}

static int64_t site_count(peft_trace *t) { (void)t; COUNTED(site_count); return SITES; }
static int32_t site_get(peft_trace *t, int64_t i, peft_site *site)
{
    (void)t;
    COUNTED(site_get);
    describe(i, site);
    return PEFT_OK;
}
static int32_t take(peft_trace *t, int64_t i) { (void)t; (void)i; COUNTED(take); return PEFT_OK; }
static int64_t of_count(peft_trace *t) { (void)t; COUNTED(of_count); return SITES; }
static int32_t begin(peft_trace *t, int32_t g) { (void)t; (void)g; COUNTED(begin); return PEFT_OK; }
static int32_t end(peft_trace *t, int64_t n, const peft_value *results)
{
    (void)t;
    COUNTED(end);
    for (int64_t i = 0; i < n; i++) failures += results[i] == PEFT_FAILED;
    return PEFT_OK;
}
static int32_t set(peft_trace *t, peft_value p, peft_value v) { (void)t; COUNTED(set); return p && v ? PEFT_OK : PEFT_ERROR; }
static int32_t not_mergeable(peft_trace *t, const char *reason) { (void)t; (void)strlen(reason); COUNTED(not_mergeable); return PEFT_OK; }
static int32_t rank(peft_trace *t, peft_value v) { (void)t; (void)v; COUNTED(rank); return 2; }
static int64_t size(peft_trace *t, peft_value v, int32_t axis) { (void)t; (void)v; (void)axis; COUNTED(size); return SIZE; }
static int32_t tensor(peft_trace *t, const char *n, peft_value v) { (void)t; (void)strlen(n); COUNTED(tensor); return v ? PEFT_OK : PEFT_ERROR; }
static int32_t masked(peft_trace *t, const char *n, peft_value v, int32_t axis, peft_value mask)
{
    (void)t;
    (void)strlen(n);
    COUNTED(masked);
    return v && mask && axis >= 0 ? PEFT_OK : PEFT_ERROR;
}
static int32_t sidecar(peft_trace *t, const char *n, peft_value v) { (void)t; (void)strlen(n); COUNTED(sidecar); return v ? PEFT_OK : PEFT_ERROR; }
static int32_t field(peft_trace *t, const char *path, const char *json) { (void)t; (void)strlen(path); (void)json; COUNTED(field); return PEFT_OK; }
static int32_t field_from(peft_trace *t, const char *path, peft_value v, int32_t b) { (void)t; (void)path; (void)b; COUNTED(field_from); return v ? PEFT_OK : PEFT_ERROR; }
static int32_t kind(peft_trace *t, const char *path)
{
    (void)t;
    COUNTED(kind);
    if (!strcmp(path, "written")) return PEFT_JSON_OBJECT;
    if (!strcmp(path, "written/by")) return PEFT_JSON_STRING;
    return !strcmp(path, "is_masked") ? PEFT_JSON_BOOLEAN : PEFT_JSON_NUMBER;
}
static int64_t c_integer(peft_trace *t, const char *p) { (void)t; (void)strlen(p); COUNTED(c_integer); return 4; }
static double c_number(peft_trace *t, const char *p) { (void)t; (void)strlen(p); COUNTED(c_number); return 4; }
static int32_t c_boolean(peft_trace *t, const char *p) { (void)t; (void)strlen(p); COUNTED(c_boolean); return answer; }
static const char *c_string(peft_trace *t, const char *p) { (void)t; (void)strlen(p); COUNTED(c_string); return "ab"; }
static int64_t c_count(peft_trace *t, const char *p) { (void)t; (void)strlen(p); COUNTED(c_count); return 1; }
static const char *key(peft_trace *t, const char *p, int64_t i) { (void)t; (void)p; (void)i; COUNTED(key); return "last_step"; }
static int32_t set_integer(peft_trace *t, const char *n, int64_t v) { (void)t; (void)strlen(n); (void)v; COUNTED(set_integer); return PEFT_OK; }
static int32_t set_number(peft_trace *t, const char *n, double v) { (void)t; (void)strlen(n); (void)v; COUNTED(set_number); return PEFT_OK; }
static int32_t set_boolean(peft_trace *t, const char *n, int32_t v) { (void)t; (void)strlen(n); (void)v; COUNTED(set_boolean); return PEFT_OK; }
static int32_t set_string(peft_trace *t, const char *n, const char *v) { (void)t; (void)strlen(n); (void)strlen(v); COUNTED(set_string); return PEFT_OK; }
static int32_t set_pattern(peft_trace *t, const char *n, const char *p, double v) { (void)t; (void)strlen(n); (void)strlen(p); (void)v; COUNTED(set_pattern); return PEFT_OK; }
static int32_t has_tensor(peft_trace *t, const char *n) { (void)t; (void)strlen(n); COUNTED(has_tensor); return 1; }
static int32_t collect(peft_trace *t, const char *s) { (void)t; (void)strlen(s); COUNTED(collect); return PEFT_OK; }
static int32_t done(peft_trace *t) { (void)t; COUNTED(done); return 0; }
static int32_t hyperparameter(peft_trace *t, int64_t i, const char *n, peft_value v) { (void)t; (void)i; (void)strlen(n); COUNTED(hyperparameter); return v ? PEFT_OK : PEFT_ERROR; }
static peft_value sort(peft_trace *t, peft_value x, peft_value *indices) { (void)t; (void)x; if (indices) *indices = ++next; return COUNTED(sort); }
static peft_value top_k(peft_trace *t, peft_value x, int64_t k, peft_value *indices) { (void)t; (void)x; (void)k; if (indices) *indices = ++next; return COUNTED(top_k); }
static peft_value qr(peft_trace *t, peft_value a, peft_value *r) { (void)t; (void)a; *r = ++next; return COUNTED(qr); }
static peft_value svd(peft_trace *t, peft_value a, peft_value *s, peft_value *vt) { (void)t; (void)a; *s = ++next; *vt = ++next; return COUNTED(svd); }

/* The tables: a name, their size in ABI 1, the number of their first function. */
static struct { const char *id; uint32_t size; int first; char *memory; } tables[] = {
    {"peft.trace/1", sizeof(peft_trace_1), 0, 0},   {"peft.settings/1", sizeof(peft_settings_1), 0, 0},
    {"peft.model/1", sizeof(peft_model_1), 0, 0},   {"peft.sites/1", sizeof(peft_sites_1), 0, 0},
    {"peft.parameters/1", sizeof(peft_parameters_1), 0, 0}, {"peft.graphs/1", sizeof(peft_graphs_1), 0, 0},
    {"peft.site/1", sizeof(peft_site_1), 0, 0},     {"peft.ops/1", sizeof(peft_ops_1), 0, 0},
    {"peft.export/1", sizeof(peft_export_1), 0, 0}, {"peft.config/1", sizeof(peft_config_1), 0, 0},
    {"peft.calibration/1", sizeof(peft_calibration_1), 0, 0}, {"peft.kernel/1", sizeof(peft_kernel_1), 0, 0},
};
enum { TABLES = sizeof tables / sizeof *tables };

static void unknown(void) { fputs("a function was called that ABI 1 does not have\n", stderr), abort(); }

static void replace(int table, size_t offset, void (*function)(void))
{
    own[owns++] = tables[table].first + (int)(offset - 8) / 8;
    memcpy(tables[table].memory + offset, &function, sizeof function);
}
#define REPLACE(table, type, field, function) replace(table, __builtin_offsetof(type, field), (void (*)(void))function)

/* In the order of the numbers above. */
static void replace_all(void)
{
    owns = 0;
    REPLACE(0, peft_trace_1, fail, fail), REPLACE(0, peft_trace_1, warn, warn), REPLACE(0, peft_trace_1, failed, failed);
    REPLACE(1, peft_settings_1, integer, integer), REPLACE(1, peft_settings_1, number, number);
    REPLACE(1, peft_settings_1, boolean, boolean), REPLACE(1, peft_settings_1, string, string);
    REPLACE(1, peft_settings_1, is_null, is_null), REPLACE(1, peft_settings_1, count, count);
    REPLACE(1, peft_settings_1, integer_at, integer_at), REPLACE(1, peft_settings_1, number_at, number_at);
    REPLACE(1, peft_settings_1, string_at, string_at), REPLACE(1, peft_settings_1, at_site, at_site);
    REPLACE(2, peft_model_1, size, model_size), REPLACE(2, peft_model_1, type, model_type);
    REPLACE(2, peft_model_1, task, model_task);
    REPLACE(3, peft_sites_1, count, site_count), REPLACE(3, peft_sites_1, get, site_get), REPLACE(3, peft_sites_1, take, take);
    REPLACE(4, peft_parameters_1, site_count, of_count);
    REPLACE(5, peft_graphs_1, begin, begin), REPLACE(5, peft_graphs_1, end, end), REPLACE(5, peft_graphs_1, set, set);
    REPLACE(5, peft_graphs_1, not_mergeable, not_mergeable), REPLACE(5, peft_graphs_1, rank, rank);
    REPLACE(5, peft_graphs_1, size, size);
    REPLACE(8, peft_export_1, tensor, tensor), REPLACE(8, peft_export_1, tensor_masked, masked);
    REPLACE(8, peft_export_1, sidecar, sidecar), REPLACE(8, peft_export_1, field, field);
    REPLACE(8, peft_export_1, field_from, field_from);
    REPLACE(9, peft_config_1, kind, kind), REPLACE(9, peft_config_1, integer, c_integer);
    REPLACE(9, peft_config_1, number, c_number), REPLACE(9, peft_config_1, boolean, c_boolean);
    REPLACE(9, peft_config_1, string, c_string), REPLACE(9, peft_config_1, count, c_count), REPLACE(9, peft_config_1, key, key);
    REPLACE(9, peft_config_1, set_integer, set_integer), REPLACE(9, peft_config_1, set_number, set_number);
    REPLACE(9, peft_config_1, set_boolean, set_boolean), REPLACE(9, peft_config_1, set_string, set_string);
    REPLACE(9, peft_config_1, set_pattern, set_pattern), REPLACE(9, peft_config_1, has_tensor, has_tensor);
    REPLACE(10, peft_calibration_1, collect, collect), REPLACE(10, peft_calibration_1, done, done);
    REPLACE(10, peft_calibration_1, hyperparameter, hyperparameter);
    REPLACE(7, peft_ops_1, sort, sort), REPLACE(7, peft_ops_1, top_k, top_k), REPLACE(7, peft_ops_1, qr, qr);
    REPLACE(7, peft_ops_1, svd, svd);
}

/* Tables of ABI 1, with `more` functions behind that nobody can know. */
static void make_tables(int more)
{
    int number = 0;
    for (int i = 0; i < TABLES; i++) {
        const uint32_t size = tables[i].size + (uint32_t)more * 8;
        char *memory = guarded(&size, sizeof size, size);
        if (!memory) abort();
        tables[i].first = number;
        for (uint32_t place = 8; place < size; place += 8) {
            void (*function)(void) = place < tables[i].size ? (void (*)(void))functions[number++] : unknown;
            memcpy(memory + place, &function, sizeof function);
        }
        tables[i].memory = memory;
    }
    replace_all();
}

static const void *table(const peft_host *host, const char *id)
{
    (void)host;
    for (int i = 0; i < TABLES; i++)
        if (!strcmp(tables[i].id, id)) return tables[i].memory;
    return NULL;
}

/* Everything that a host asks a plugin. Returns how often a callback failed. */
static int trace(const peft_plugin *plugin, int more)
{
    peft_trace *t = guarded(&more, sizeof more, sizeof more); /* opaque: nobody looks into it */
    failures = 0;
    if (plugin->import_config) failures += plugin->import_config(plugin->self, t) != PEFT_OK;
    if (plugin->plan) failures += plugin->plan(plugin->self, t) != PEFT_OK;
    for (int64_t i = 0; i < SITES; i++) {
        if (!(plugin->site_kinds & 1u << i)) continue;
        const uint32_t bytes = sizeof(peft_site) + (uint32_t)more * 8;
        peft_site *site = guarded(&bytes, sizeof bytes, bytes);
        describe(i, site);
        failures += plugin->inject(plugin->self, t, site) != PEFT_OK;
    }
    if (plugin->method) failures += plugin->method(plugin->self, t) != PEFT_OK;
    return failures;
}

/* A process for each host: a plugin's entry is called once. */
static int run(const char *path, int more, int all)
{
    make_tables(more);
    const uint32_t bytes = sizeof(peft_host) + (uint32_t)more * 8;
    peft_host *host = guarded(&bytes, sizeof bytes, bytes);
    host->abi_version = more ? 2 : 1;
    host->abi_oldest = 1;
    host->name = "a host that is none";
    host->table = table;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    const peft_plugin *(*entry)(const peft_host *);
    *(void **)&entry = dlsym(library, "peft_plugin_entry");
    static const peft_plugin *plugin; /* what it allocated is not leaked */
    plugin = entry ? entry(host) : NULL;
    if (!plugin) return fprintf(stderr, "%s does not work with ABI %u\n", path, host->abi_version), 1;
    int wrong = 0;
    unsigned long made = 0;
    for (answer = 0; answer < 2; answer++) wrong += trace(plugin, more);
    for (int i = 0; i < FUNCTIONS; i++) made += calls[i];
    for (int i = 0; all && i < TABLES - 1; i++)
        for (int n = 0; n < (int)tables[i].size / 8 - 1; n++)
            if (!calls[tables[i].first + n] && strcmp(tables[i].id, "peft.trace/1"))
                printf("  never called: function %d of %s\n", n, tables[i].id), wrong++;
    printf("%s %s, ABI %u: %lu calls\n", plugin->id, plugin->version, host->abi_version, made);
    /* A method may refuse the settings that it is given here; one that must call everything may not. */
    return all && wrong;
}

int main(int count, char **arguments)
{
    if (count < 2) return fputs("usage: harness LIBRARY [later] [all]\n", stderr), 2;
    int later = 0, all = 0;
    for (int i = 2; i < count; i++) later |= !strcmp(arguments[i], "later"), all |= !strcmp(arguments[i], "all");
    return run(arguments[1], later ? MORE : 0, all);
}
