/*
 * peft_plugin.h: the plugin interface of peft-host, ABI 1.
 *
 * A plugin brings one parameter-efficient fine-tuning method. It never computes on weights: the host asks it once, and it
 * answers by building small graphs with the host's operators. The host differentiates, runs, stores, merges and exports
 * those graphs. No code of the plugin runs while a model trains (but for kernels, see peft_kernel_1).
 *
 * A plugin is a shared library that exports one function, peft_plugin_entry, and nothing else (link with exports.map).
 *
 * Rules that hold for every function and struct here:
 *
 *   Threads    The host calls a plugin from one thread at a time. A plugin calls the host's functions only inside a
 *              callback, on the thread that runs it, with the peft_trace that the callback was given.
 *   Lifetime   What the plugin returns from peft_plugin_entry, and all that it points to, lives as long as the process.
 *              A peft_trace and every peft_value lives until the callback that it was given to returns. A value that a
 *              graph made lives until that graph ends; parameters, buffers and prelude outputs live longer (see there).
 *   Ownership  Nobody frees what the other side made. The host copies strings and arrays before a call returns. Strings
 *              that the host hands out live until the callback returns.
 *   Errors     Sticky: an operator that fails returns PEFT_FAILED (0), and every operator that is given it returns it.
 *              The host keeps the first error with its place. So no call needs a check; a callback returns PEFT_OK
 *              unless it wants to stop early. No exception, panic or longjmp may leave a callback.
 *   Strings    UTF-8 with a NUL at the end. NULL is allowed only where it is said.
 *   Growth     Every struct begins with struct_size, which its maker sets to sizeof of the type it was compiled with.
 *              Structs and tables grow only at their ends. Smaller than in ABI 1 is an error. A host reads what it knows; a
 *              byte that is not zero behind what it knows means that the plugin needs a newer host, which is an error and
 *              never ignored. No struct has padding: reserved fields are 0.
 *   Numbers    All numbers below are frozen: a meaning never changes, a new meaning is a new number or a new table id.
 *
 * Plain C99, C11 and C++17.
 */
#ifndef PEFT_PLUGIN_H
#define PEFT_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI of this header, for peft_plugin.abi_built_with. */
#define PEFT_ABI_VERSION 1u

/* What callbacks and functions return. */
#define PEFT_OK 0
#define PEFT_ERROR 1

/* ------------------------------------------------------------------------------------------------------------------
 * Values
 * ------------------------------------------------------------------------------------------------------------------ */

/* A node of a graph, or a parameter. An opaque id that carries its trace's generation: a stale, forged or foreign one is
 * an error, not a crash. */
typedef uint64_t peft_value;

/* What a failed operator returns. */
#define PEFT_FAILED ((peft_value)0)
/* "There is no such value", where a function says that one may be left out. */
#define PEFT_ABSENT ((peft_value)0xFFFFFFFFFFFFFFFFu)

/* Element types. */
#define PEFT_F32 0
#define PEFT_I32 1

/* Sizes that only a batch knows stand in shapes as these numbers, and only as the first axis. */
#define PEFT_TOKENS ((int64_t)-1) /* N: all tokens of the packed batch */
#define PEFT_ROWS ((int64_t)-2)   /* R: its rows */

/* The most axes that a value can have. */
#define PEFT_MAX_RANK 6

/* ------------------------------------------------------------------------------------------------------------------
 * Sites: the places of a model where a method can stand
 * ------------------------------------------------------------------------------------------------------------------ */

/* Kinds of sites. peft_plugin.site_kinds is a set of (1 << kind). */
#define PEFT_SITE_LINEAR 0    /* y = W x + b: the plugin replaces the layer's forward */
#define PEFT_SITE_EMBEDDING 1 /* rows of the embedding table */
#define PEFT_SITE_PROMPT 2    /* the start of every row: the plugin returns virtual tokens */
#define PEFT_SITE_ATTENTION 3 /* inside an attention, after position encoding */
#define PEFT_SITE_BLOCK 4     /* behind an attention or an MLP, before it joins the residual stream */
#define PEFT_SITE_WEIGHT 5    /* a tensor of the base that is trained itself (a copy; the file stays as it is) */

/* Roles of sites. */
#define PEFT_ROLE_OTHER 0
#define PEFT_ROLE_QUERY 1
#define PEFT_ROLE_KEY 2
#define PEFT_ROLE_VALUE 3
#define PEFT_ROLE_ATTENTION_OUTPUT 4
#define PEFT_ROLE_GATE 5
#define PEFT_ROLE_UP 6
#define PEFT_ROLE_DOWN 7
#define PEFT_ROLE_HEAD 8
#define PEFT_ROLE_EMBEDDING 9
#define PEFT_ROLE_ATTENTION 10
#define PEFT_ROLE_MLP 11
#define PEFT_ROLE_NORM 12
#define PEFT_ROLE_BIAS 13
#define PEFT_ROLE_PROMPT 14

typedef struct peft_site {
    uint32_t struct_size;
    int32_t kind;      /* PEFT_SITE_… */
    int32_t role;      /* PEFT_ROLE_… */
    int32_t layer;     /* counted from 0; -1 outside the layers */
    const char *name;  /* the module's path in Hugging Face's words, "model.layers.0.self_attn.q_proj"; weight: the
                        * tensor's, "model.norm.weight", whose parameters are stored behind the module, "model.norm";
                        * those of a block, "model.layers.0.mlp", are stored beside it, behind "model.layers.0" */
    int64_t inputs;    /* linear: in; embedding: rows of the table; attention, block, prompt: hidden size */
    int64_t outputs;   /* linear: out; embedding, attention, block, prompt: hidden size */
    int64_t heads;     /* attention: query heads; else 0 */
    int64_t key_heads; /* attention: key and value heads; else 0 */
    int64_t head_size; /* attention; else 0 */
    int32_t has_bias;  /* linear: 1 if the layer has a bias */
    int32_t rank;      /* weight: the axes of the tensor; else 0 */
    int64_t shape[6];  /* weight: its sizes; else 0 */
} peft_site;

/* ------------------------------------------------------------------------------------------------------------------
 * Hyperparameters
 * ------------------------------------------------------------------------------------------------------------------ */

/* Types of hyperparameters. A list's default is a JSON array. */
#define PEFT_TYPE_INTEGER 0
#define PEFT_TYPE_NUMBER 1
#define PEFT_TYPE_BOOLEAN 2
#define PEFT_TYPE_STRING 3
#define PEFT_TYPE_INTEGER_LIST 4
#define PEFT_TYPE_NUMBER_LIST 5
#define PEFT_TYPE_STRING_LIST 6

/* Flags of hyperparameters. */
#define PEFT_FLAG_PER_SITE 1u /* may differ from site to site; the host resolves its pattern field */
#define PEFT_FLAG_REQUIRED 2u /* has no default: the user must give it */
#define PEFT_FLAG_NULLABLE 4u /* may be null, which peft_settings_1.is_null tells */
#define PEFT_FLAG_DERIVED 8u  /* the host fills it in (AdaLoRA's total_step) unless the user gives it */

typedef struct peft_hyperparameter {
    uint32_t struct_size;
    uint32_t type;              /* PEFT_TYPE_… */
    uint32_t flags;             /* PEFT_FLAG_… */
    uint32_t choice_count;      /* 0: any value in range */
    const char *name;           /* Hugging Face's name, "lora_alpha" */
    const char *summary;        /* one line for people */
    const char *default_value;  /* JSON text: "8", "0.0", "true", "\"RANDOM\"", "null"; NULL if required, or derived */
    const char *pattern;        /* per site: the field of its patterns, "alpha_pattern"; NULL: <name>_pattern */
    const char *const *choices; /* strings allowed; NULL if choice_count is 0 */
    double minimum;             /* smallest value allowed, inclusive; -INFINITY: none */
    double maximum;             /* largest value allowed, inclusive; INFINITY: none */
} peft_hyperparameter;

/* ------------------------------------------------------------------------------------------------------------------
 * Parameters and buffers
 * ------------------------------------------------------------------------------------------------------------------ */

/* Initializers. Numbers come from the host's counter-based streams, keyed by (seed, method, module, name, element). */
#define PEFT_INIT_ZEROS 0
#define PEFT_INIT_ONES 1
#define PEFT_INIT_CONSTANT 2        /* init_a */
#define PEFT_INIT_UNIFORM 3         /* in [init_a, init_b) */
#define PEFT_INIT_NORMAL 4          /* mean init_a, deviation init_b */
#define PEFT_INIT_KAIMING_UNIFORM 5 /* U(±sqrt(6 / ((1 + a²) fan_in))), a = init_a, fan_in = shape[1] (He et al. 2015); two
                                     * axes or more */
#define PEFT_INIT_GRAPH 6           /* set by the init graph (peft_graphs_1.set), which must set it */

/* Flags of parameters and buffers. */
#define PEFT_TENSOR_NO_DECAY 1u /* weight decay leaves it alone, whatever the user asks */
#define PEFT_TENSOR_FROZEN 2u   /* a parameter that is stored like the others but not trained */
#define PEFT_TENSOR_SIDECAR 4u  /* needed to go on training only: kept beside the adapter, not inside it */

typedef struct peft_tensor {
    uint32_t struct_size;
    int32_t dtype;                   /* PEFT_F32, or PEFT_I32 for buffers */
    int32_t rank;                    /* 0 … PEFT_MAX_RANK */
    int32_t init;                    /* PEFT_INIT_… */
    uint32_t flags;                  /* PEFT_TENSOR_… */
    uint32_t reserved;               /* 0 */
    const char *name;                /* as it is stored behind the module's path, "lora_A.weight" */
    const int64_t *shape;            /* rank sizes, fixed numbers */
    double init_a;
    double init_b;
    double learning_rate_multiplier; /* of the run's learning rate; 0 means 1 */
} peft_tensor;

/* ------------------------------------------------------------------------------------------------------------------
 * The host's tables
 *
 * Fetched by id with peft_host.table, in peft_plugin_entry or any time later, and valid as long as the process. An
 * unknown id gives NULL. An id never changes its meaning; new functions are appended to a table, and struct_size tells
 * which are there: a plugin that uses a function of a later revision checks struct_size first.
 * ------------------------------------------------------------------------------------------------------------------ */

typedef struct peft_trace peft_trace; /* the host's state during a callback */

/* "peft.trace/1": the callback itself. */
typedef struct peft_trace_1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Notes an error in the plugin's own words (the first error counts). Always returns PEFT_ERROR. */
    int32_t (*fail)(peft_trace *t, const char *message);
    /* Tells the user something that is not an error. */
    void (*warn)(peft_trace *t, const char *message);
    /* 1 if an error was noted. For loops that would otherwise run on. */
    int32_t (*failed)(peft_trace *t);
} peft_trace_1;

/* "peft.settings/1": hyperparameters, resolved and checked by the host. In plan and method the general ones, in inject
 * those of the site (patterns applied). An unknown name, or one of another type, is an error and gives 0 or "". */
typedef struct peft_settings_1 {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t (*integer)(peft_trace *t, const char *name);
    double (*number)(peft_trace *t, const char *name);
    int32_t (*boolean)(peft_trace *t, const char *name);
    const char *(*string)(peft_trace *t, const char *name);
    int32_t (*is_null)(peft_trace *t, const char *name);
    /* Lists: how many elements, and one of them. An index out of range is an error. */
    int64_t (*count)(peft_trace *t, const char *name);
    int64_t (*integer_at)(peft_trace *t, const char *name, int64_t index);
    double (*number_at)(peft_trace *t, const char *name, int64_t index);
    const char *(*string_at)(peft_trace *t, const char *name, int64_t index);
    /* In method: the functions above read those of taken site `index` from now on; with -1 the general ones again. */
    int32_t (*at_site)(peft_trace *t, int64_t index);
} peft_settings_1;

/* Sizes of the model, for peft_model_1.size. */
#define PEFT_MODEL_LAYERS 0
#define PEFT_MODEL_HIDDEN_SIZE 1
#define PEFT_MODEL_INTERMEDIATE_SIZE 2
#define PEFT_MODEL_HEADS 3
#define PEFT_MODEL_KEY_HEADS 4
#define PEFT_MODEL_HEAD_SIZE 5
#define PEFT_MODEL_VOCABULARY 6
#define PEFT_MODEL_CONTEXT 7
#define PEFT_MODEL_LABELS 8 /* classes of a classification head; 0 without one */

/* "peft.model/1": the frozen model. In every callback. */
typedef struct peft_model_1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* PEFT_MODEL_…; an unknown number is an error and gives 0. */
    int64_t (*size)(peft_trace *t, int32_t which);
    /* Hugging Face's model_type, "llama". */
    const char *(*type)(peft_trace *t);
    /* Hugging Face's task_type, "CAUSAL_LM" or "SEQ_CLS". */
    const char *(*task)(peft_trace *t);
} peft_model_1;

/* "peft.sites/1": in plan, all sites that match the user's choice, in the model's order; in inject and method, those that
 * were taken, in the same order, which is that of peft_parameters_1.of_site. */
typedef struct peft_sites_1 {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t (*count)(peft_trace *t);
    /* Writes site `index`; site->struct_size must be set. An index out of range is an error. */
    int32_t (*get)(peft_trace *t, int64_t index, peft_site *site);
    /* Plan: takes the site. A plugin without a plan callback takes all; one with it takes only what it names here. */
    int32_t (*take)(peft_trace *t, int64_t index);
} peft_sites_1;

/* "peft.parameters/1": what a method trains and remembers. In plan: of the whole method; in inject: of the site. The value
 * can be used in every graph of the same callback; those of plan also in every graph of inject and method. */
typedef struct peft_parameters_1 {
    uint32_t struct_size;
    uint32_t reserved;
    peft_value (*parameter)(peft_trace *t, const peft_tensor *tensor);
    /* Not trained by the optimizer; init and update graphs may set it. An adapter holds none, but those that the update sets
     * and a prelude, forward or merge reads: they are kept beside it. */
    peft_value (*buffer)(peft_trace *t, const peft_tensor *tensor);
    /* In method: how many sites were taken, and the parameter or buffer of that name at site `index`. */
    int64_t (*site_count)(peft_trace *t);
    peft_value (*of_site)(peft_trace *t, int64_t index, const char *name);
    /* In inject and method: the method's own parameter or buffer of that name, declared in plan. */
    peft_value (*of_method)(peft_trace *t, const char *name);
} peft_parameters_1;

/* Graphs, for peft_graphs_1.begin. One is open at a time. */
#define PEFT_GRAPH_FORWARD 0     /* inject; one result. Token-local. Operands by kind of site, see peft_site_1 */
#define PEFT_GRAPH_MERGE 1       /* inject at linear, embedding and weight sites; see peft_site_1 */
#define PEFT_GRAPH_INIT 2        /* plan and inject; sets parameters and buffers with `set`, no results */
#define PEFT_GRAPH_PRELUDE 3     /* plan; its results are readable in every forward by `prelude` */
#define PEFT_GRAPH_REGULARIZER 4 /* method; one scalar, added to the loss once a step */
#define PEFT_GRAPH_UPDATE 5      /* method; after each optimizer step; sets parameters and buffers with `set` */
#define PEFT_GRAPH_EXPORT 6      /* method; names tensors and config fields with the functions of peft_export_1 */
#define PEFT_GRAPH_IMPORT 7      /* method; the way back: stored tensors in, parameters out with `set` */
#define PEFT_GRAPH_CALIBRATE 8   /* method, first of two traces; statistics in, hyperparameters out (peft_calibration_1) */

/* "peft.graphs/1": graphs begin and end. */
typedef struct peft_graphs_1 {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*begin)(peft_trace *t, int32_t graph);
    /* The open graph's operand, counted from 0: those that peft_site_1 lists. Other graphs have none. */
    peft_value (*operand)(peft_trace *t, int64_t index);
    /* Ends the open graph with its results. */
    int32_t (*end)(peft_trace *t, int64_t count, const peft_value *results);
    /* Init and update: the new value of a parameter or buffer, of its shape. Counts when the graph ends: all reads see the
     * values from before. */
    int32_t (*set)(peft_trace *t, peft_value parameter, peft_value value);
    /* Update: the gradient that the step used (accumulated, clipped, regularizer included). */
    peft_value (*gradient)(peft_trace *t, peft_value parameter);
    /* Forward: result `index` of the prelude. */
    peft_value (*prelude)(peft_trace *t, int64_t index);
    /* Inject: says that this method cannot be merged into the base, and why, in place of a merge graph. */
    int32_t (*not_mergeable)(peft_trace *t, const char *reason);
    /* The number of axes of a value and the size of one of them (or PEFT_TOKENS, PEFT_ROWS). Of a failed value, and where
     * the axis is out of range: 0. */
    int32_t (*rank)(peft_trace *t, peft_value value);
    int64_t (*size)(peft_trace *t, peft_value value, int32_t axis);
} peft_graphs_1;

/* Projections of an attention, for peft_site_1.project. */
#define PEFT_PROJECT_QUERY 0
#define PEFT_PROJECT_KEY 1
#define PEFT_PROJECT_VALUE 2
#define PEFT_PROJECT_OUTPUT 3

/* "peft.site/1": the frozen part of the site at which inject stands. A function that the site's kind does not have is an
 * error.
 *
 * Operands and result of the forward graph, by kind:
 *   linear     x (N, in)                                     → (N, out)
 *   embedding  ids (N) i32                                   → (N, hidden)
 *   prompt     none                                          → (T, hidden): the virtual tokens in front of each row
 *   attention  q (N, h, d), k, v (N, g, d), after position encoding; the layer's input (N, hidden)
 *                                                            → (N, h, d), what goes into the output projection
 *   block      the branch's output (N, hidden), the residual stream that it joins (N, hidden) → the new output (N, hidden)
 *   weight     none                                          → what the model uses in the tensor's place, of its shape
 *
 * Operands and results of the merge graph (a result of PEFT_ABSENT: as it was):
 *   linear     W (out, in), b (out)                          → W', b'. Without a bias operand 1 is an error
 *   embedding  the table (rows, hidden)                      → the new table
 *   weight     the tensor                                    → the new tensor
 */
typedef struct peft_site_1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* linear: the frozen layer applied to v (…, in) → (…, out), bias included. May be called several times, on tokens or on
     * parameters. Never another adapter. */
    peft_value (*base)(peft_trace *t, peft_value v);
    /* linear: W (out, in); embedding: the table; weight: the tensor. In forward, merge and init. */
    peft_value (*weight)(peft_trace *t);
    /* init under quantisation: the weight before it was quantised; else equal to weight. */
    peft_value (*original_weight)(peft_trace *t);
    /* linear: b (out), as `base` adds it; an error where has_bias is 0. */
    peft_value (*bias)(peft_trace *t);
    /* linear: Euclidean norms of W's rows (out) and of its columns (in); embedding: of the table's columns (hidden). */
    peft_value (*row_norms)(peft_trace *t);
    peft_value (*column_norms)(peft_trace *t);
    /* embedding and prompt: rows of the frozen table, ids of any shape S → S + (hidden). */
    peft_value (*table_rows)(peft_trace *t, peft_value ids);
    /* prompt, and the init graphs of every kind of site and of plan: the token ids of a text, as the tokenizer gives them,
     * special tokens included: (count) i32. Of a `count` above 0 so many: cut, or repeated from the first on. With 0: all. */
    peft_value (*text_ids)(peft_trace *t, const char *text, int64_t count);
    /* attention: a frozen projection (PEFT_PROJECT_…) of v (…, in), without position encoding → (…, out). */
    peft_value (*project)(peft_trace *t, int32_t projection, peft_value v);
    /* attention: the frozen attention over q, k, v, with more keys and values in front of every row: (T, g, d) or
     * (R, T, g, d), not rotated; PEFT_ABSENT for none. They stand at the positions 0 to T - 1 and the row's own tokens from
     * T on: T is the same at all sites. A base with a sliding window hides of them what a token at position i has moved
     * past, positions up to i - window, like any token. */
    peft_value (*attend)(
        peft_trace *t, peft_value q, peft_value k, peft_value v, peft_value more_keys, peft_value more_values);
    /* attention: softmax over all of a set of keys and values, whatever the base's window: (K, g, d) or (R, K, g, d) →
     * (N, h, d). */
    peft_value (*attend_set)(peft_trace *t, peft_value q, peft_value keys, peft_value values);
    /* init: a calibration statistic, asked for in plan with peft_calibration_1.collect; see there for its shape. */
    peft_value (*statistic)(peft_trace *t, const char *name);
    /* init graphs of every kind of site and of plan: the keys (0, turned by their positions) or values (1) that the frozen
     * model computes in layer `layer` for the ids that text_ids gives: (count, g, d). */
    peft_value (*text_cache)(peft_trace *t, const char *text, int64_t count, int64_t layer, int32_t which);
} peft_site_1;

/* "peft.ops/1": the operators. All are pure; all but those marked have gradients, which the host derives. Operands
 * broadcast as in NumPy: shapes are aligned at their last axes, an axis of 1 stretches. Axes count from 0. Graphs of the
 * forward are token-local: nothing there may mix the tokens of a batch; an operator that would is an error that names it. */
typedef struct peft_ops_1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Element-wise, f32. */
    peft_value (*neg)(peft_trace *t, peft_value x);
    peft_value (*exp)(peft_trace *t, peft_value x);
    peft_value (*log)(peft_trace *t, peft_value x);
    peft_value (*sqrt)(peft_trace *t, peft_value x);
    peft_value (*abs)(peft_trace *t, peft_value x);
    peft_value (*sin)(peft_trace *t, peft_value x);
    peft_value (*cos)(peft_trace *t, peft_value x);
    peft_value (*tanh)(peft_trace *t, peft_value x);
    peft_value (*sigmoid)(peft_trace *t, peft_value x);
    peft_value (*silu)(peft_trace *t, peft_value x);
    peft_value (*gelu)(peft_trace *t, peft_value x);      /* with erf */
    peft_value (*gelu_tanh)(peft_trace *t, peft_value x); /* the tanh approximation */
    peft_value (*relu)(peft_trace *t, peft_value x);
    peft_value (*erf)(peft_trace *t, peft_value x);
    peft_value (*floor)(peft_trace *t, peft_value x); /* no gradient */
    peft_value (*add)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*sub)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*mul)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*div)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*pow)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*maximum)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*minimum)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*mod)(peft_trace *t, peft_value a, peft_value b); /* a − b·floor(a/b); no gradient */
    /* 1.0 where it holds, else 0.0; no gradient. */
    peft_value (*equal)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*less)(peft_trace *t, peft_value a, peft_value b);
    peft_value (*less_equal)(peft_trace *t, peft_value a, peft_value b);
    /* a where the condition is not 0, else b. */
    peft_value (*where)(peft_trace *t, peft_value condition, peft_value a, peft_value b);
    peft_value (*cast)(peft_trace *t, peft_value x, int32_t dtype); /* to i32: toward zero; no gradient */

    /* a (…, M, K) · b (…, K, O) → (…, M, O); a flag of 1 takes the operand with its last two axes swapped. */
    peft_value (*matmul)(peft_trace *t, peft_value a, peft_value b, int32_t transpose_a, int32_t transpose_b);

    /* Over `count` axes in ascending order (0: all of them); keep 1 leaves them as size 1. */
    peft_value (*sum)(peft_trace *t, peft_value x, int32_t count, const int32_t *axes, int32_t keep);
    peft_value (*mean)(peft_trace *t, peft_value x, int32_t count, const int32_t *axes, int32_t keep);
    peft_value (*max)(peft_trace *t, peft_value x, int32_t count, const int32_t *axes, int32_t keep);
    /* Euclidean norm. */
    peft_value (*norm)(peft_trace *t, peft_value x, int32_t count, const int32_t *axes, int32_t keep);
    /* Over the last axis. */
    peft_value (*softmax)(peft_trace *t, peft_value x);
    peft_value (*layer_norm)(peft_trace *t, peft_value x, peft_value weight, peft_value bias, double epsilon);
    peft_value (*rms_norm)(peft_trace *t, peft_value x, peft_value weight, double epsilon);
    /* logits (M, C), labels (M) i32, -1 counts nothing → (M) */
    peft_value (*cross_entropy)(peft_trace *t, peft_value logits, peft_value labels);

    /* Structure. A symbolic first axis stays where it is. */
    peft_value (*reshape)(peft_trace *t, peft_value x, int32_t rank, const int64_t *shape);
    peft_value (*transpose)(peft_trace *t, peft_value x, int32_t rank, const int32_t *order);
    peft_value (*slice)(peft_trace *t, peft_value x, int32_t axis, int64_t start, int64_t end);
    peft_value (*concat)(peft_trace *t, int32_t count, const peft_value *values, int32_t axis);
    peft_value (*broadcast)(peft_trace *t, peft_value x, int32_t rank, const int64_t *shape);
    /* table (A, …), indices i32 of shape S → S + (…) */
    peft_value (*gather)(peft_trace *t, peft_value table, peft_value indices);
    /* Adds each update, S + (…), to row indices[S] of `size` rows of zeros → (size, …) */
    peft_value (*scatter_add)(peft_trace *t, peft_value indices, peft_value updates, int64_t size);
    /* Constants, of at most 65,536 elements. */
    peft_value (*scalar)(peft_trace *t, double value);
    peft_value (*constant)(peft_trace *t, int32_t dtype, int32_t rank, const int64_t *shape, const double *values);
    peft_value (*iota)(peft_trace *t, int64_t count); /* 0, 1, … count − 1, i32 */

    /* Tokens and rows. */
    peft_value (*token_ids)(peft_trace *t);    /* (N) i32; 0 for virtual tokens, which have none */
    peft_value (*positions)(peft_trace *t);    /* (N) i32, virtual tokens counted, from 0 in each row */
    peft_value (*row_of_token)(peft_trace *t); /* (N) i32 */
    peft_value (*is_prompt)(peft_trace *t);    /* (N) f32; 1 in a row's prompt, virtual tokens included */
    peft_value (*training)(peft_trace *t);     /* scalar, 1 while training */
    peft_value (*row_input)(peft_trace *t, const char *name, int32_t rank, const int64_t *shape); /* (R, …) */
    peft_value (*row_gather)(peft_trace *t, peft_value x); /* (R, …) → (N, …): every token its row's */
    peft_value (*row_mean)(peft_trace *t, peft_value x);   /* (N, …) → (R, …) */

    /* Random, from the host's streams: keyed by seed, method, module, the operator's place among the graph's random
     * operators, step, micro-batch, row and position; not by how rows are packed. */
    /* Drops each element with `probability`, in [0, 1), and scales the others by 1 / (1 − probability). x itself with
     * probability 0 (no random operator then), and unless training. */
    peft_value (*dropout)(peft_trace *t, peft_value x, double probability);
    peft_value (*row_bernoulli)(peft_trace *t, double probability);         /* (R), 1 with that probability */
    peft_value (*bernoulli)(peft_trace *t, double probability, int32_t rank, const int64_t *shape);
    peft_value (*normal)(peft_trace *t, double mean, double deviation, int32_t rank, const int64_t *shape);
    peft_value (*uniform)(peft_trace *t, double low, double high, int32_t rank, const int64_t *shape);

    peft_value (*stop_gradient)(peft_trace *t, peft_value x);
    /* No gradient: */
    peft_value (*cumsum)(peft_trace *t, peft_value x, int32_t axis);
    /* Over the last axis: sort ascending, top_k the k largest in descending order. Two results: the values are returned,
     * the positions (i32) written to *indices, which may be NULL. For gradients of the values pick them with `equal`
     * of an iota and the positions. */
    peft_value (*sort)(peft_trace *t, peft_value x, peft_value *indices);
    peft_value (*top_k)(peft_trace *t, peft_value x, int64_t k, peft_value *indices);
    /* The k-th smallest of all elements of x; k, a scalar from 1 up, may be known only when run. */
    peft_value (*kth_value)(peft_trace *t, peft_value x, peft_value k);
    /* Update graphs: the step just taken, counted from 0, and how many there will be; scalars. */
    peft_value (*step)(peft_trace *t);
    peft_value (*total_steps)(peft_trace *t);

    /* Linear algebra on matrices of fixed size; solve and inverse also on a batch of them, (…, n, n), and with gradients. */
    peft_value (*solve)(peft_trace *t, peft_value a, peft_value b); /* X with A X = B */
    peft_value (*inverse)(peft_trace *t, peft_value a); /* not in forward */
    /* Reduced: a (m, n) → q (m, k), r (k, n), k = min(m, n). Returns q. Init and merge only. */
    peft_value (*qr)(peft_trace *t, peft_value a, peft_value *r);
    /* Reduced: a → u (m, k), s (k) descending, vt (k, n). Returns u. Init and merge only. */
    peft_value (*svd)(peft_trace *t, peft_value a, peft_value *s, peft_value *vt);

    /* x (N, h, d) turned by angles: cos, sin (N, d/2), which get no gradient; element i is paired with i + d/2 (Su et
     * al. 2021). */
    peft_value (*rope)(peft_trace *t, peft_value x, peft_value cos, peft_value sin);
    /* q (N, h, d), k and v (N, g, d), g divides h → (N, h, d): softmax of scale · q kᵀ over the tokens of the token's own
     * row up to itself, at most the last `window` of them (0: all). */
    peft_value (*attention)(peft_trace *t, peft_value q, peft_value k, peft_value v, int64_t window, double scale);
    /* The same over all of a set of keys and values, (K, g, d) or each row's own (R, K, g, d). */
    peft_value (*attention_set)(peft_trace *t, peft_value q, peft_value keys, peft_value values, double scale);
} peft_ops_1;

/* "peft.export/1": how a method is stored, where the default does not do. The default: parameter p of a site as
 * "base_model.model.<module>.<p>", of the method as "base_model.<p>", every hyperparameter as the config field of its
 * name. An export graph names all tensors that are kept, or none: then their default stands. Fields keep their default
 * where it does not name them. */
typedef struct peft_export_1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Export: a tensor by its full stored name. */
    int32_t (*tensor)(peft_trace *t, const char *name, peft_value value);
    /* Export: of `value` only what lies along `axis` where mask (that axis' size, f32) is not 0: a size known only when
     * run. */
    int32_t (*tensor_masked)(peft_trace *t, const char *name, peft_value value, int32_t axis, peft_value mask);
    /* Export: a tensor that only training needs, for the file beside the adapter. */
    int32_t (*sidecar)(peft_trace *t, const char *name, peft_value value);
    /* Export: a field of adapter_config.json, fixed (JSON text; NULL leaves the field out) or filled from a value when run:
     * a scalar as a number, (n) as a list, with as_boolean 1 true where it is not 0. `path` members are separated by
     * '/'. */
    int32_t (*field)(peft_trace *t, const char *path, const char *json);
    int32_t (*field_from)(peft_trace *t, const char *path, peft_value value, int32_t as_boolean);
    /* Import: a stored tensor by its full name, of the given shape. */
    peft_value (*stored)(peft_trace *t, const char *name, int32_t rank, const int64_t *shape);
} peft_export_1;

/* What a field of a config can be. */
#define PEFT_JSON_NULL 0 /* also: not there */
#define PEFT_JSON_BOOLEAN 1
#define PEFT_JSON_NUMBER 2
#define PEFT_JSON_STRING 3
#define PEFT_JSON_LIST 4
#define PEFT_JSON_OBJECT 5

/* "peft.config/1": in import_config, the fields of a foreign adapter_config.json by path (members, and positions in lists,
 * separated by '/'), and the hyperparameters that follow from them. Fields with a hyperparameter's name and type are set
 * already; one with a value that is not allowed is an error unless it is set to another, and a field that is no
 * hyperparameter unless it is looked at. A field that is not there, or of another type, is an error and gives 0 or "". */
typedef struct peft_config_1 {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*kind)(peft_trace *t, const char *path); /* PEFT_JSON_…; never an error */
    int64_t (*integer)(peft_trace *t, const char *path);
    double (*number)(peft_trace *t, const char *path);
    int32_t (*boolean)(peft_trace *t, const char *path);
    const char *(*string)(peft_trace *t, const char *path);
    int64_t (*count)(peft_trace *t, const char *path);                      /* elements of a list or members of an object */
    const char *(*key)(peft_trace *t, const char *path, int64_t index);     /* the name of a member, in the file's order */
    int32_t (*set_integer)(peft_trace *t, const char *name, int64_t value); /* a hyperparameter */
    int32_t (*set_number)(peft_trace *t, const char *name, double value);
    int32_t (*set_boolean)(peft_trace *t, const char *name, int32_t value);
    int32_t (*set_string)(peft_trace *t, const char *name, const char *value); /* a list of texts: one of it alone */
    /* A per-site hyperparameter at the modules that `pattern` (a regular expression) matches. */
    int32_t (*set_pattern)(peft_trace *t, const char *name, const char *pattern, double value);
    /* 1 if the adapter holds a tensor of this full name (P-Tuning: is the encoder there, or its output only?). */
    int32_t (*has_tensor)(peft_trace *t, const char *name);
} peft_config_1;

/* "peft.calibration/1": methods that look at data before they train (PEFT_CALIBRATES). The model runs over some batches
 * once; statistics are float32 and belong to a linear site:
 *   "gram"  (in, in)  the mean of x xᵀ over all tokens x
 *   "mean"  (in)      the mean of x
 * Init graphs read them with peft_site_1.statistic. A method whose shapes depend on them (EVA's ranks) builds a calibrate
 * graph in `method`: when it has run, the method is traced again with the hyperparameters that it gave. */
typedef struct peft_calibration_1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Plan: asks for a statistic at every site that is taken. */
    int32_t (*collect)(peft_trace *t, const char *statistic);
    /* 1 in the second of two traces, where no calibrate graph may begin. */
    int32_t (*done)(peft_trace *t);
    /* Calibrate graph: the statistic of taken site `site`. */
    peft_value (*of_site)(peft_trace *t, int64_t site, const char *statistic);
    /* Calibrate graph: a scalar that becomes hyperparameter `name` of taken site `site` (an integer one is rounded). */
    int32_t (*hyperparameter)(peft_trace *t, int64_t site, const char *name, peft_value value);
} peft_calibration_1;

/* "peft.kernel/1": plain C functions that a plugin brings where the operators are not enough. The one thing of a plugin
 * that runs while training, inside the host's process; the user must allow it (docs/Kernels.md).
 *
 * A signature is the function's arguments in C's order; what stands behind the arrow comes last:
 *
 *   signature = "(" [argument {"," argument}] ")" ["->" ("f32" | result {"," result})]
 *   argument  = array | value ":" type
 *   result    = "out" element "[" [size {"," size}] "]"
 *   array     = ("in" | "out" | "inout") element "[" [size {"," size}] "]"
 *   value     = number | name {"*" name}
 *   element   = "f32" | "i32"
 *   type      = "i32" | "u32" | "i64" | "u64" | "f32" | "f64"
 *   size      = name | number
 *
 * Arrays are pointers to contiguous row-major elements at a multiple of 64 bytes, which live as long as the call. `in` and
 * `inout` arrays are operands, `out` and `inout` ones results; an inout one holds the operand's elements at first. The
 * operands' shapes give the sizes; the other names are the call's scalars, and an integer one may be a result's size. A
 * number is passed as it stands. `-> f32`: what the function returns is the last result; else it is not looked at. At most
 * 448 bytes and 32 arguments.
 *
 * A kernel writes all elements of its results and nothing else, keeps nothing between calls, gives the same bits for the
 * same operands, takes arrays without elements, and cannot fail (what it cannot compute is NaN). It is called from any
 * thread, one call at a time for each node, in the default floating-point environment, which the host puts back afterwards;
 * signals are the host's. The host tries it before its first use. */
typedef void (*peft_function)(void); /* cast to and from the real type */

typedef struct peft_kernel {
    uint32_t struct_size;
    uint32_t flags;             /* PEFT_KERNEL_… */
    const char *name;           /* 1 to 64 visible characters, its own among the plugin's kernels */
    const char *signature;      /* "(in f32[n], n: i64, scale: f32) -> out f32[n]" */
    peft_function forward;      /* a function with those arguments */
    const char *vjp_signature;  /* of the vector-Jacobian product: the same operands, then the gradients of the f32 results ->
                                 * the gradients of the f32 operands, in their order and with their sizes' names; of the
                                 * scalars those that it needs, under their names. NULL: no gradient */
    peft_function vjp;
} peft_kernel;

#define PEFT_KERNEL_TOKEN_LOCAL 1u /* may stand on tokens: treats every one by itself; their number may be 0 */

typedef struct peft_kernel_1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Registers a kernel in plan; returns its number, or -1. Needs PEFT_USES_KERNELS. The functions live as long as the
     * process. */
    int64_t (*add)(peft_trace *t, const peft_kernel *kernel);
    /* A node that calls it: on `count` operands, and on the scalars that no operand's shape gives, in the order in which the
     * signature first names them. Returns the first result and writes the others to *more, which may be NULL. A kernel that is not
     * token-local takes values of fixed shape only; of one that is, a result must have the operands' first axis. */
    peft_value (*call)(
        peft_trace *t, int64_t kernel, int32_t count, const peft_value *arrays, int32_t scalar_count,
        const double *scalars, peft_value *more);
} peft_kernel_1;

/* ------------------------------------------------------------------------------------------------------------------
 * The plugin
 * ------------------------------------------------------------------------------------------------------------------ */

/* Capabilities, a set of bits in peft_plugin.capabilities. `plugins check` holds a plugin to what it claims. */
#define PEFT_CAN_MERGE 1u        /* every site has a merge graph, or says with not_mergeable what stands against it */
#define PEFT_IDENTITY_AT_INIT 2u /* before training the model's output is the base's */
#define PEFT_USES_KERNELS 4u     /* registers kernels */
#define PEFT_USES_ROW_INPUTS 8u  /* reads row_input */
#define PEFT_CALIBRATES 16u      /* wants calibration statistics, and is traced again with their result */
#define PEFT_NO_HEAD 32u         /* its Hugging Face form keeps no classification head: ours goes into the file beside it */

typedef struct peft_plugin {
    uint32_t struct_size;
    uint32_t abi_built_with;    /* PEFT_ABI_VERSION of the header that it was compiled with */
    uint32_t abi_min_required;  /* the oldest ABI of a host that it can work with */
    uint32_t capabilities;      /* PEFT_CAN_MERGE, … */
    uint32_t site_kinds;        /* set of 1 << PEFT_SITE_… */
    uint32_t default_role_count;
    uint32_t hyperparameter_count;
    uint32_t hyperparameter_stride; /* sizeof(peft_hyperparameter) */
    const char *id;             /* "LoRA": what --plugin takes */
    const char *peft_type;      /* "LORA": by which a Hugging Face folder finds its plugin; "A+B": it writes A and reads B too */
    const char *version;        /* "1.0.0" */
    const char *license;        /* an SPDX identifier, "Apache-2.0" */
    const char *summary;        /* one line for people */
    const char *paper;          /* "Hu et al. 2021, arXiv:2106.09685"; "" for none */
    double default_learning_rate;
    const int32_t *default_roles; /* roles of the linear and embedding sites that are adapted unless the user says */
    const peft_hyperparameter *hyperparameters;
    void *self;                 /* given back to every callback; may be NULL */

    /* Once, with all matched sites: take sites, declare the method's parameters, init and prelude. May be NULL. */
    int32_t (*plan)(void *self, peft_trace *t);
    /* Once a site that was taken: declare its parameters, build its graphs. */
    int32_t (*inject)(void *self, peft_trace *t, const peft_site *site);
    /* Once, after all sites: regularizer, update, export and import graphs. May be NULL. */
    int32_t (*method)(void *self, peft_trace *t);
    /* Before tracing, for an adapter from elsewhere: its config → hyperparameters. May be NULL. */
    int32_t (*import_config)(void *self, peft_trace *t);
} peft_plugin;

typedef struct peft_host {
    uint32_t struct_size;
    uint32_t abi_version; /* the newest ABI that this host speaks */
    uint32_t abi_oldest;  /* the oldest one */
    uint32_t reserved;
    const char *name;     /* "peft-host 1.0.0" */
    /* The table of that id, or NULL. */
    const void *(*table)(const struct peft_host *host, const char *id);
} peft_host;

/* The one function that a plugin exports. Called once, right after the library was loaded. The host pointer and its tables
 * stay valid as long as the process. Returns the plugin's description, or NULL if it cannot work with this host. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const peft_plugin *peft_plugin_entry(const peft_host *host);

/* ------------------------------------------------------------------------------------------------------------------
 * The manifest
 *
 * A library is listed without being loaded: its ELF section "peft_manifest" holds one JSON object with what peft_plugin
 * says; docs/Manifest.md describes it, `peft-host plugins manifest LIBRARY` writes the C file. In C:
 *
 *   __attribute__((section("peft_manifest"), used, retain)) static const char manifest[] = "{…}";
 * ------------------------------------------------------------------------------------------------------------------ */
#define PEFT_MANIFEST_SECTION "peft_manifest"

#ifdef __cplusplus
}
#endif

#endif
