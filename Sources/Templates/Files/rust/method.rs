//! MyMethod: a trained scale for every output of a frozen linear layer. Everything that a plugin can do is said in peft_plugin.h;
//! peft.rs has its names in Rust.
mod peft;

use peft::*;
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr::null_mut;

/// Once a layer: declares its parameters and builds its graphs. No call is checked: errors are sticky, the host reports the first.
/// No panic may leave it.
///
///     y  = (1 + alpha s) ⊙ (W x + b)                       s (out), zeros at first
///     W' = (1 + alpha s) W, b' = (1 + alpha s) b           merged
unsafe extern "C" fn inject(_: *mut c_void, t: Trace, site: *const peft_site) -> i32 {
    let (h, site) = (host(), &*site);
    let s = h.parameters.parameter(t, &peft_tensor::new(c"scale", &[site.outputs], init::ZEROS, 0.0, 0.0));
    let alpha = h.settings.number(t, c"alpha".as_ptr());
    let factor = || h.ops.add(t, h.ops.scalar(t, 1.0), h.ops.mul(t, h.ops.scalar(t, alpha), s));

    h.graphs.begin(t, graph::FORWARD);
    let x = h.graphs.operand(t, 0); // (N, in): all tokens of a batch
    h.graphs.end(t, 1, &h.ops.mul(t, factor(), h.site.base(t, x)));

    h.graphs.begin(t, graph::MERGE);
    let column = h.ops.reshape(t, factor(), 2, [site.outputs, 1].as_ptr());
    let weight = h.ops.mul(t, column, h.graphs.operand(t, 0));
    let bias = if site.has_bias == 1 { h.ops.mul(t, factor(), h.graphs.operand(t, 1)) } else { ABSENT };
    h.graphs.end(t, 2, [weight, bias].as_ptr())
}

/// -o alpha=0.5: its names, defaults and ranges are checked by the host.
static HYPERPARAMETERS: Fixed<[peft_hyperparameter; 1]> = Fixed([peft_hyperparameter::new(
    kind::NUMBER, c"alpha", c"1.0", 0.0, f64::INFINITY, c"strength of the scale")]);

/// The layers that are adapted unless the user gives -o target_modules=...
static ROLES: [i32; 2] = [role::QUERY, role::VALUE];

static PLUGIN: Fixed<peft_plugin> = Fixed(peft_plugin {
    struct_size: size_of::<peft_plugin>() as u32,
    abi_built_with: ABI_VERSION,
    abi_min_required: 1,
    capabilities: capability::CAN_MERGE | capability::IDENTITY_AT_INIT,
    site_kinds: 1 << site_kind::LINEAR,
    default_role_count: ROLES.len() as u32,
    hyperparameter_count: HYPERPARAMETERS.0.len() as u32,
    hyperparameter_stride: size_of::<peft_hyperparameter>() as u32,
    id: c"MyMethod".as_ptr(),
    peft_type: c"MY_METHOD".as_ptr(),
    version: c"0.1.0".as_ptr(),
    license: c"Apache-2.0".as_ptr(),
    summary: c"a trained scale for every output".as_ptr(),
    paper: c"".as_ptr(),
    default_learning_rate: 1e-2,
    default_roles: ROLES.as_ptr(),
    hyperparameters: HYPERPARAMETERS.0.as_ptr(),
    this: null_mut(),
    plan: None,
    inject,
    method: None,
    import_config: None,
});

/// What `peft-host plugins list` reads, without running the library.
#[used]
#[link_section = "peft_manifest"]
static MANIFEST: [u8; include_bytes!("manifest.json").len()] = *include_bytes!("manifest.json");

#[no_mangle]
pub unsafe extern "C" fn peft_plugin_entry(host: *const peft_host) -> *const peft_plugin {
    connect(host, &PLUGIN)
}
