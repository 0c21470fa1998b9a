//! peft_plugin.h for Rust, without a crate: `mod peft;`. What functions and fields mean is said in the header, whose names
//! these are (`type`, `mod` and `where` bear an _ behind them). Left out are calibration and kernels. Every function of a table
//! takes the callback's trace first.
#![allow(non_camel_case_types, dead_code, clippy::missing_safety_doc, clippy::too_many_arguments)]

use std::ffi::{c_char, c_void, CStr};
use size_of;
use std::ptr::null;
use std::sync::OnceLock;

/// A node of a graph, or a parameter.
pub type Value = u64;
/// The host's state during a callback.
pub type Trace = *mut c_void;
pub type Text = *const c_char;
type Shape = *const i64;

pub const ABI_VERSION: u32 = 1;
pub const OK: i32 = 0;
pub const ERROR: i32 = 1;
pub const FAILED: Value = 0;
pub const ABSENT: Value = u64::MAX;
pub const F32: i32 = 0;
pub const I32: i32 = 1;
pub const TOKENS: i64 = -1;
pub const ROWS: i64 = -2;

pub mod site_kind {
    pub const LINEAR: i32 = 0; pub const EMBEDDING: i32 = 1; pub const PROMPT: i32 = 2; pub const ATTENTION: i32
    = 3; pub const BLOCK: i32 = 4; pub const WEIGHT: i32 = 5;
}
pub mod role {
    pub const OTHER: i32 = 0; pub const QUERY: i32 = 1; pub const KEY: i32 = 2; pub const VALUE: i32 = 3;
    pub const ATTENTION_OUTPUT: i32 = 4; pub const GATE: i32 = 5; pub const UP: i32 = 6; pub const DOWN: i32 = 7;
    pub const HEAD: i32 = 8; pub const EMBEDDING: i32 = 9; pub const ATTENTION: i32 = 10; pub const MLP: i32 =
    11; pub const NORM: i32 = 12; pub const BIAS: i32 = 13; pub const PROMPT: i32 = 14;
}
pub mod kind {
    pub const INTEGER: u32 = 0; pub const NUMBER: u32 = 1; pub const BOOLEAN: u32 = 2; pub const STRING: u32 =
    3; pub const INTEGER_LIST: u32 = 4; pub const NUMBER_LIST: u32 = 5; pub const STRING_LIST: u32 = 6;
}
pub mod flag {
    pub const PER_SITE: u32 = 1; pub const REQUIRED: u32 = 2; pub const NULLABLE: u32 = 4; pub const DERIVED:
    u32 = 8;
}
pub mod init {
    pub const ZEROS: i32 = 0; pub const ONES: i32 = 1; pub const CONSTANT: i32 = 2; pub const UNIFORM: i32 = 3;
    pub const NORMAL: i32 = 4; pub const KAIMING_UNIFORM: i32 = 5; pub const GRAPH: i32 = 6;
}
pub mod tensor {
    pub const NO_DECAY: u32 = 1; pub const FROZEN: u32 = 2; pub const SIDECAR: u32 = 4;
}
pub mod model {
    pub const LAYERS: i32 = 0; pub const HIDDEN_SIZE: i32 = 1; pub const INTERMEDIATE_SIZE: i32 = 2; pub const
    HEADS: i32 = 3; pub const KEY_HEADS: i32 = 4; pub const HEAD_SIZE: i32 = 5; pub const VOCABULARY: i32 = 6;
    pub const CONTEXT: i32 = 7; pub const LABELS: i32 = 8;
}
pub mod graph {
    pub const FORWARD: i32 = 0; pub const MERGE: i32 = 1; pub const INIT: i32 = 2; pub const PRELUDE: i32 = 3;
    pub const REGULARIZER: i32 = 4; pub const UPDATE: i32 = 5; pub const EXPORT: i32 = 6; pub const IMPORT: i32
    = 7; pub const CALIBRATE: i32 = 8;
}
pub mod project {
    pub const QUERY: i32 = 0; pub const KEY: i32 = 1; pub const VALUE: i32 = 2; pub const OUTPUT: i32 = 3;
}
pub mod json {
    pub const NULL: i32 = 0; pub const BOOLEAN: i32 = 1; pub const NUMBER: i32 = 2; pub const STRING: i32 = 3;
    pub const LIST: i32 = 4; pub const OBJECT: i32 = 5;
}
pub mod capability {
    pub const CAN_MERGE: u32 = 1; pub const IDENTITY_AT_INIT: u32 = 2; pub const USES_KERNELS: u32 = 4;
    pub const USES_ROW_INPUTS: u32 = 8; pub const CALIBRATES: u32 = 16; pub const NO_HEAD: u32 = 32;
}

/// A table of the host: `struct_size`, `reserved`, then one function after the other, and a method for each.
macro_rules! table {
    ($name:ident $id:literal $size:literal { $($f:ident($($a:ident: $t:ty),*) $(-> $r:ty)?;)* }) => {
        #[repr(C)]
        pub struct $name { struct_size: u32, reserved: u32, $($f: unsafe extern "C" fn(Trace $(, $t)*) $(-> $r)?,)* }
        const _: () = assert!(size_of::<$name>() == $size);
        impl $name {
            pub const ID: &'static CStr = $id;
            $(pub unsafe fn $f(&self, trace: Trace $(, $a: $t)*) $(-> $r)? { (self.$f)(trace $(, $a)*) })*
        }
    };
}

#[repr(C)]
pub struct peft_site {
    pub struct_size: u32,
    pub kind: i32,
    pub role: i32,
    pub layer: i32,
    pub name: Text,
    pub inputs: i64,
    pub outputs: i64,
    pub heads: i64,
    pub key_heads: i64,
    pub head_size: i64,
    pub has_bias: i32,
    pub rank: i32,
    pub shape: [i64; 6],
}
const _: () = assert!(size_of::<peft_site>() == 120);

#[repr(C)]
pub struct peft_hyperparameter {
    pub struct_size: u32,
    pub kind: u32,
    pub flags: u32,
    pub choice_count: u32,
    pub name: Text,
    pub summary: Text,
    pub default_value: Text,
    pub pattern: Text,
    pub choices: *const Text,
    pub minimum: f64,
    pub maximum: f64,
}
const _: () = assert!(size_of::<peft_hyperparameter>() == 72);

#[repr(C)]
pub struct peft_tensor {
    pub struct_size: u32,
    pub dtype: i32,
    pub rank: i32,
    pub init: i32,
    pub flags: u32,
    pub reserved: u32,
    pub name: Text,
    pub shape: Shape,
    pub init_a: f64,
    pub init_b: f64,
    pub learning_rate_multiplier: f64,
}
const _: () = assert!(size_of::<peft_tensor>() == 64);

#[repr(C)]
pub struct peft_plugin {
    pub struct_size: u32,
    pub abi_built_with: u32,
    pub abi_min_required: u32,
    pub capabilities: u32,
    pub site_kinds: u32,
    pub default_role_count: u32,
    pub hyperparameter_count: u32,
    pub hyperparameter_stride: u32,
    pub id: Text,
    pub peft_type: Text,
    pub version: Text,
    pub license: Text,
    pub summary: Text,
    pub paper: Text,
    pub default_learning_rate: f64,
    pub default_roles: *const i32,
    pub hyperparameters: *const peft_hyperparameter,
    pub this: *mut c_void,
    pub plan: Option<unsafe extern "C" fn(*mut c_void, Trace) -> i32>,
    pub inject: unsafe extern "C" fn(*mut c_void, Trace, *const peft_site) -> i32,
    pub method: Option<unsafe extern "C" fn(*mut c_void, Trace) -> i32>,
    pub import_config: Option<unsafe extern "C" fn(*mut c_void, Trace) -> i32>,
}
const _: () = assert!(size_of::<peft_plugin>() == 144);

#[repr(C)]
pub struct peft_host {
    pub struct_size: u32,
    pub abi_version: u32,
    pub abi_oldest: u32,
    pub reserved: u32,
    pub name: Text,
    pub table: unsafe extern "C" fn(host: *const peft_host, id: Text) -> *const c_void,
}
const _: () = assert!(size_of::<peft_host>() == 32);

table!(peft_trace_1 c"peft.trace/1" 32 {
    fail(message: Text) -> i32;
    warn(message: Text);
    failed() -> i32;
});

table!(peft_settings_1 c"peft.settings/1" 88 {
    integer(name: Text) -> i64;
    number(name: Text) -> f64;
    boolean(name: Text) -> i32;
    string(name: Text) -> Text;
    is_null(name: Text) -> i32;
    count(name: Text) -> i64;
    integer_at(name: Text, index: i64) -> i64;
    number_at(name: Text, index: i64) -> f64;
    string_at(name: Text, index: i64) -> Text;
    at_site(index: i64) -> i32;
});

table!(peft_model_1 c"peft.model/1" 32 {
    size(which: i32) -> i64;
    type_() -> Text;
    task() -> Text;
});

table!(peft_sites_1 c"peft.sites/1" 32 {
    count() -> i64;
    get(index: i64, site: *mut peft_site) -> i32;
    take(index: i64) -> i32;
});

table!(peft_parameters_1 c"peft.parameters/1" 48 {
    parameter(tensor: *const peft_tensor) -> Value;
    buffer(tensor: *const peft_tensor) -> Value;
    site_count() -> i64;
    of_site(index: i64, name: Text) -> Value;
    of_method(name: Text) -> Value;
});

table!(peft_graphs_1 c"peft.graphs/1" 80 {
    begin(graph: i32) -> i32;
    operand(index: i64) -> Value;
    end(count: i64, results: *const Value) -> i32;
    set(parameter: Value, value: Value) -> i32;
    gradient(parameter: Value) -> Value;
    prelude(index: i64) -> Value;
    not_mergeable(reason: Text) -> i32;
    rank(value: Value) -> i32;
    size(value: Value, axis: i32) -> i64;
});

table!(peft_site_1 c"peft.site/1" 112 {
    base(v: Value) -> Value;
    weight() -> Value;
    original_weight() -> Value;
    bias() -> Value;
    row_norms() -> Value;
    column_norms() -> Value;
    table_rows(ids: Value) -> Value;
    text_ids(text: Text, count: i64) -> Value;
    project(projection: i32, v: Value) -> Value;
    attend(q: Value, k: Value, v: Value, more_keys: Value, more_values: Value) -> Value;
    attend_set(q: Value, keys: Value, values: Value) -> Value;
    statistic(name: Text) -> Value;
    text_cache(text: Text, count: i64, layer: i64, which: i32) -> Value;
});

table!(peft_ops_1 c"peft.ops/1" 600 {
    neg(x: Value) -> Value;
    exp(x: Value) -> Value;
    log(x: Value) -> Value;
    sqrt(x: Value) -> Value;
    abs(x: Value) -> Value;
    sin(x: Value) -> Value;
    cos(x: Value) -> Value;
    tanh(x: Value) -> Value;
    sigmoid(x: Value) -> Value;
    silu(x: Value) -> Value;
    gelu(x: Value) -> Value;
    gelu_tanh(x: Value) -> Value;
    relu(x: Value) -> Value;
    erf(x: Value) -> Value;
    floor(x: Value) -> Value;
    add(a: Value, b: Value) -> Value;
    sub(a: Value, b: Value) -> Value;
    mul(a: Value, b: Value) -> Value;
    div(a: Value, b: Value) -> Value;
    pow(a: Value, b: Value) -> Value;
    maximum(a: Value, b: Value) -> Value;
    minimum(a: Value, b: Value) -> Value;
    mod_(a: Value, b: Value) -> Value;
    equal(a: Value, b: Value) -> Value;
    less(a: Value, b: Value) -> Value;
    less_equal(a: Value, b: Value) -> Value;
    where_(condition: Value, a: Value, b: Value) -> Value;
    cast(x: Value, dtype: i32) -> Value;
    matmul(a: Value, b: Value, transpose_a: i32, transpose_b: i32) -> Value;
    sum(x: Value, count: i32, axes: *const i32, keep: i32) -> Value;
    mean(x: Value, count: i32, axes: *const i32, keep: i32) -> Value;
    max(x: Value, count: i32, axes: *const i32, keep: i32) -> Value;
    norm(x: Value, count: i32, axes: *const i32, keep: i32) -> Value;
    softmax(x: Value) -> Value;
    layer_norm(x: Value, weight: Value, bias: Value, epsilon: f64) -> Value;
    rms_norm(x: Value, weight: Value, epsilon: f64) -> Value;
    cross_entropy(logits: Value, labels: Value) -> Value;
    reshape(x: Value, rank: i32, shape: Shape) -> Value;
    transpose(x: Value, rank: i32, order: *const i32) -> Value;
    slice(x: Value, axis: i32, start: i64, end: i64) -> Value;
    concat(count: i32, values: *const Value, axis: i32) -> Value;
    broadcast(x: Value, rank: i32, shape: Shape) -> Value;
    gather(table: Value, indices: Value) -> Value;
    scatter_add(indices: Value, updates: Value, size: i64) -> Value;
    scalar(value: f64) -> Value;
    constant(dtype: i32, rank: i32, shape: Shape, values: *const f64) -> Value;
    iota(count: i64) -> Value;
    token_ids() -> Value;
    positions() -> Value;
    row_of_token() -> Value;
    is_prompt() -> Value;
    training() -> Value;
    row_input(name: Text, rank: i32, shape: Shape) -> Value;
    row_gather(x: Value) -> Value;
    row_mean(x: Value) -> Value;
    dropout(x: Value, probability: f64) -> Value;
    row_bernoulli(probability: f64) -> Value;
    bernoulli(probability: f64, rank: i32, shape: Shape) -> Value;
    normal(mean: f64, deviation: f64, rank: i32, shape: Shape) -> Value;
    uniform(low: f64, high: f64, rank: i32, shape: Shape) -> Value;
    stop_gradient(x: Value) -> Value;
    cumsum(x: Value, axis: i32) -> Value;
    sort(x: Value, indices: *mut Value) -> Value;
    top_k(x: Value, k: i64, indices: *mut Value) -> Value;
    kth_value(x: Value, k: Value) -> Value;
    step() -> Value;
    total_steps() -> Value;
    solve(a: Value, b: Value) -> Value;
    inverse(a: Value) -> Value;
    qr(a: Value, r: *mut Value) -> Value;
    svd(a: Value, s: *mut Value, vt: *mut Value) -> Value;
    rope(x: Value, cos: Value, sin: Value) -> Value;
    attention(q: Value, k: Value, v: Value, window: i64, scale: f64) -> Value;
    attention_set(q: Value, keys: Value, values: Value, scale: f64) -> Value;
});

table!(peft_export_1 c"peft.export/1" 56 {
    tensor(name: Text, value: Value) -> i32;
    tensor_masked(name: Text, value: Value, axis: i32, mask: Value) -> i32;
    sidecar(name: Text, value: Value) -> i32;
    field(path: Text, json: Text) -> i32;
    field_from(path: Text, value: Value, as_boolean: i32) -> i32;
    stored(name: Text, rank: i32, shape: Shape) -> Value;
});

table!(peft_config_1 c"peft.config/1" 112 {
    kind(path: Text) -> i32;
    integer(path: Text) -> i64;
    number(path: Text) -> f64;
    boolean(path: Text) -> i32;
    string(path: Text) -> Text;
    count(path: Text) -> i64;
    key(path: Text, index: i64) -> Text;
    set_integer(name: Text, value: i64) -> i32;
    set_number(name: Text, value: f64) -> i32;
    set_boolean(name: Text, value: i32) -> i32;
    set_string(name: Text, value: Text) -> i32;
    set_pattern(name: Text, pattern: Text, value: f64) -> i32;
    has_tensor(name: Text) -> i32;
});

/// The host's tables.
pub struct Host {
    pub trace: &'static peft_trace_1,
    pub settings: &'static peft_settings_1,
    pub model: &'static peft_model_1,
    pub sites: &'static peft_sites_1,
    pub parameters: &'static peft_parameters_1,
    pub graphs: &'static peft_graphs_1,
    pub site: &'static peft_site_1,
    pub ops: &'static peft_ops_1,
    pub export: &'static peft_export_1,
    pub config: &'static peft_config_1,
}

static HOST: OnceLock<Host> = OnceLock::new();

/// Of the callback that runs.
pub fn host() -> &'static Host {
    HOST.get().expect("peft_plugin_entry comes first")
}

/// A table of the host, if it has all functions that this file knows.
unsafe fn table<T>(host: *const peft_host, id: &CStr) -> Option<&'static T> {
    let table = ((*host).table)(host, id.as_ptr());
    (!table.is_null() && *(table as *const u32) as usize >= size_of::<T>()).then(|| &*(table as *const T))
}

unsafe fn tables(host: *const peft_host) -> Option<Host> {
    Some(Host {
        trace: table(host, peft_trace_1::ID)?,
        settings: table(host, peft_settings_1::ID)?,
        model: table(host, peft_model_1::ID)?,
        sites: table(host, peft_sites_1::ID)?,
        parameters: table(host, peft_parameters_1::ID)?,
        graphs: table(host, peft_graphs_1::ID)?,
        site: table(host, peft_site_1::ID)?,
        ops: table(host, peft_ops_1::ID)?,
        export: table(host, peft_export_1::ID)?,
        config: table(host, peft_config_1::ID)?,
    })
}

/// What `peft_plugin_entry` does: keeps the host's tables, and gives the plugin, or null where one is missing.
pub unsafe fn connect(host: *const peft_host, plugin: &'static Fixed<peft_plugin>) -> *const peft_plugin {
    tables(host).map_or(null(), |tables| {
        let _ = HOST.set(tables);
        &plugin.0
    })
}

/// What never changes may be shared between threads, whatever it points to.
pub struct Fixed<T>(pub T);
unsafe impl<T> Sync for Fixed<T> {}

impl peft_tensor {
    /// A float32 tensor; `shape` must live until it is declared.
    pub fn new(name: &'static CStr, shape: &[i64], init: i32, init_a: f64, init_b: f64) -> peft_tensor {
        peft_tensor {
            struct_size: size_of::<peft_tensor>() as u32,
            dtype: F32,
            rank: shape.len() as i32,
            init,
            flags: 0,
            reserved: 0,
            name: name.as_ptr(),
            shape: shape.as_ptr(),
            init_a,
            init_b,
            learning_rate_multiplier: 1.0,
        }
    }
}

impl peft_hyperparameter {
    /// One with a default, JSON text, and a range.
    pub const fn new(
        kind: u32, name: &'static CStr, default: &'static CStr, minimum: f64, maximum: f64, summary: &'static CStr,
    ) -> peft_hyperparameter {
        peft_hyperparameter {
            struct_size: size_of::<peft_hyperparameter>() as u32,
            kind,
            flags: 0,
            choice_count: 0,
            name: name.as_ptr(),
            summary: summary.as_ptr(),
            default_value: default.as_ptr(),
            pattern: null(),
            choices: null(),
            minimum,
            maximum,
        }
    }

    /// The same, with other values for the sites that a pattern of this field matches.
    pub const fn per_site(mut self, pattern: &'static CStr) -> peft_hyperparameter {
        self.flags = flag::PER_SITE;
        self.pattern = pattern.as_ptr();
        self
    }

    /// The same, of these texts alone.
    pub const fn one_of<const N: usize>(mut self, choices: &'static Fixed<[Text; N]>) -> peft_hyperparameter {
        self.choices = &choices.0 as *const Text;
        self.choice_count = N as u32;
        self
    }
}
