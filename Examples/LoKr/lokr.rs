//! LoKr (Yeh et al. 2023): the Kronecker product of a small matrix and a larger one, the larger of low rank. See README.md.
mod peft;

use peft::*;
use std::ffi::{c_void, CStr};
use std::mem::size_of;
use std::ptr::{null, null_mut};

/// n = a · b with a ≤ b: a is `factor` if that divides n, else the nearest divisor to √n that is not above `factor` (-1: no limit).
fn factors(n: i64, factor: i64) -> (i64, i64) {
    if factor > 0 && n % factor == 0 {
        return (factor, n / factor);
    }
    let limit = if factor == -1 { n } else { factor };
    let a = (1..=n).take_while(|a| a * a <= n).filter(|a| n % a == 0 && (*a == 1 || *a <= limit)).last().unwrap_or(1);
    (a, n / a)
}

unsafe fn parameter(t: Trace, name: &'static CStr, shape: [i64; 2], zeros: bool) -> Value {
    let init = if zeros { init::ZEROS } else { init::KAIMING_UNIFORM };
    host().parameters.parameter(t, &peft_tensor::new(name, &shape, init, 5f64.sqrt(), 0.0))
}

/// 1 with a probability of 1 - `dropped`, else 0; all ones unless training.
unsafe fn kept(t: Trace, dropped: f64, count: i64) -> Value {
    let h = host();
    let drawn = h.ops.bernoulli(t, 1.0 - dropped, 1, &count);
    h.ops.where_(t, h.ops.training(t), drawn, h.ops.scalar(t, 1.0))
}

/// y = W x + c + s (w1 ⊗ w2) x, where (w1 ⊗ w2) x is w1 X w2ᵀ for x as the rows of X (in₁, in₂), and y's as those of (out₁, out₂).
unsafe extern "C" fn inject(_: *mut c_void, t: Trace, site: *const peft_site) -> i32 {
    let (h, site) = (host(), &*site);
    let (r, decompose) = (h.settings.integer(t, c"r".as_ptr()), h.settings.integer(t, c"decompose_factor".as_ptr()));
    let ((out1, out2), (in1, in2)) = (factors(site.outputs, decompose), factors(site.inputs, decompose));
    let start = CStr::from_ptr(h.settings.string(t, c"init_weights".as_ptr())).to_bytes();
    let is_small = |rows: i64, columns: i64| 2 * r < rows.max(columns);

    let (w1, w2);
    let (mut w1_b, mut w2_b) = (None, None);
    if h.settings.boolean(t, c"decompose_both".as_ptr()) != 0 && is_small(out1, in1) {
        w1 = parameter(t, c"lokr_w1_a", [out1, r], start == b"true");
        w1_b = Some(parameter(t, c"lokr_w1_b", [r, in1], false));
    } else {
        w1 = parameter(t, c"lokr_w1", [out1, in1], start == b"true");
    }
    if is_small(out2, in2) {
        w2 = parameter(t, c"lokr_w2_a", [out2, r], false);
        w2_b = Some(parameter(t, c"lokr_w2_b", [r, in2], start == b"lycoris"));
    } else {
        w2 = parameter(t, c"lokr_w2", [out2, in2], start == b"lycoris");
    }
    let whole = |a: Value, b: Option<Value>| b.map_or(a, |b| h.ops.matmul(t, a, b, 0, 0));
    let scale = h.settings.number(t, c"alpha".as_ptr()) / r as f64;

    h.graphs.begin(t, graph::FORWARD);
    let (x, last) = (h.graphs.operand(t, 0), [0, 2, 1]);
    let mut update = h.ops.reshape(t, x, 3, [TOKENS, in1, in2].as_ptr());
    update = h.ops.transpose(t, h.ops.matmul(t, update, whole(w2, w2_b), 0, 1), 3, last.as_ptr()); // (N, out₂, in₁)
    update = h.ops.transpose(t, h.ops.matmul(t, update, whole(w1, w1_b), 0, 1), 3, last.as_ptr()); // (N, out₁, out₂)
    update = h.ops.mul(t, h.ops.scalar(t, scale), h.ops.reshape(t, update, 2, [TOKENS, site.outputs].as_ptr()));
    let (rank_dropout, module_dropout) =
        (h.settings.number(t, c"rank_dropout".as_ptr()), h.settings.number(t, c"module_dropout".as_ptr()));
    if rank_dropout > 0.0 {
        let mut rows = kept(t, rank_dropout, site.outputs);
        if h.settings.boolean(t, c"rank_dropout_scale".as_ptr()) != 0 {
            let mean = h.ops.mean(t, rows, 0, null(), 0);
            rows = h.ops.div(t, rows, h.ops.maximum(t, mean, h.ops.scalar(t, 1.0 / site.outputs as f64)));
        }
        update = h.ops.mul(t, update, rows);
    }
    if module_dropout > 0.0 {
        update = h.ops.mul(t, update, kept(t, module_dropout, 1));
    }
    h.graphs.end(t, 1, &h.ops.add(t, h.site.base(t, x), update));

    h.graphs.begin(t, graph::MERGE);
    let left = h.ops.reshape(t, whole(w1, w1_b), 4, [out1, 1, in1, 1].as_ptr());
    let right = h.ops.reshape(t, whole(w2, w2_b), 4, [1, out2, 1, in2].as_ptr());
    let product = h.ops.reshape(t, h.ops.mul(t, left, right), 2, [site.outputs, site.inputs].as_ptr());
    let merged = h.ops.add(t, h.graphs.operand(t, 0), h.ops.mul(t, h.ops.scalar(t, scale), product));
    h.graphs.end(t, 2, [merged, ABSENT].as_ptr())
}

/// peft's init_weights is a boolean or a name, ours a name.
unsafe extern "C" fn method(_: *mut c_void, t: Trace) -> i32 {
    let h = host();
    let start = CStr::from_ptr(h.settings.string(t, c"init_weights".as_ptr()));
    let json = if start == c"lycoris" { c"\"lycoris\"" } else { start };
    h.graphs.begin(t, graph::EXPORT);
    h.export.field(t, c"init_weights".as_ptr(), json.as_ptr());
    h.graphs.end(t, 0, null())
}

unsafe extern "C" fn import_config(_: *mut c_void, t: Trace) -> i32 {
    let (config, name) = (host().config, c"init_weights".as_ptr());
    if config.kind(t, name) == json::BOOLEAN {
        config.set_string(t, name, if config.boolean(t, name) != 0 { c"true" } else { c"false" }.as_ptr());
    }
    OK
}

static STARTS: Fixed<[Text; 3]> = Fixed([c"true".as_ptr(), c"false".as_ptr(), c"lycoris".as_ptr()]);
static HYPERPARAMETERS: Fixed<[peft_hyperparameter; 9]> = {
    use peft_hyperparameter as Of;
    const NO: f64 = f64::INFINITY;
    Fixed([
        Of::new(kind::INTEGER, c"r", c"8", 1.0, 65536.0, c"rank of the factors").per_site(c"rank_pattern"),
        Of::new(kind::NUMBER, c"alpha", c"8.0", -NO, NO, c"numerator of the scale alpha / r").per_site(c"alpha_pattern"),
        Of::new(kind::NUMBER, c"rank_dropout", c"0.0", 0.0, 0.99, c"drops rows of the update while training"),
        Of::new(kind::NUMBER, c"module_dropout", c"0.0", 0.0, 0.99, c"drops a layer's update while training"),
        Of::new(kind::BOOLEAN, c"use_effective_conv2d", c"false", -NO, NO, c"of convolutions only"),
        Of::new(kind::BOOLEAN, c"decompose_both", c"false", -NO, NO, c"the small factor is of low rank too"),
        Of::new(kind::INTEGER, c"decompose_factor", c"-1", -1.0, 65536.0, c"size of the small factor; -1: near the root"),
        Of::new(kind::BOOLEAN, c"rank_dropout_scale", c"false", -NO, NO, c"scale up what rank_dropout leaves"),
        Of::new(kind::STRING, c"init_weights", c"\"true\"", -NO, NO, c"how the factors begin").one_of(&STARTS),
    ])
};
static ROLES: [i32; 2] = [role::QUERY, role::VALUE];
static PLUGIN: Fixed<peft_plugin> = Fixed(peft_plugin {
    struct_size: size_of::<peft_plugin>() as u32, abi_built_with: ABI_VERSION, abi_min_required: 1,
    capabilities: capability::CAN_MERGE | capability::IDENTITY_AT_INIT, site_kinds: 1 << site_kind::LINEAR,
    default_roles: ROLES.as_ptr(), default_role_count: 2, hyperparameters: HYPERPARAMETERS.0.as_ptr(),
    hyperparameter_count: 9, hyperparameter_stride: size_of::<peft_hyperparameter>() as u32, id: c"LoKr".as_ptr(),
    peft_type: c"LOKR".as_ptr(), version: c"1.0.0".as_ptr(), license: c"Apache-2.0".as_ptr(),
    summary: c"the Kronecker product of two matrices".as_ptr(), paper: c"Yeh et al. 2023, arXiv:2309.14859".as_ptr(),
    default_learning_rate: 1e-3, this: null_mut(), plan: None, inject, method: Some(method),
    import_config: Some(import_config),
});

/// What `peft-host plugins list` reads, without running the library.
#[used]
#[link_section = "peft_manifest"]
static MANIFEST: [u8; include_bytes!("manifest.json").len()] = *include_bytes!("manifest.json");

#[no_mangle]
pub unsafe extern "C" fn peft_plugin_entry(host: *const peft_host) -> *const peft_plugin {
    connect(host, &PLUGIN)
}
