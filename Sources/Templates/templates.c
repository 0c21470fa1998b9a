/* The files that `peft-host plugins new` writes, as they were when the host was built. */
#pragma clang diagnostic ignored "-Wc23-extensions"
#include "templates.h"

static const unsigned char header[] = {
#embed "../PluginAPI/C/include/peft_plugin.h"
};
static const unsigned char exports[] = {
#embed "../../Plugins/exports.map"
};
static const unsigned char readme[] = {
#embed "Files/README.md"
};
static const unsigned char c_method[] = {
#embed "Files/c/method.c"
};
static const unsigned char c_build[] = {
#embed "Files/c/build.sh"
};
static const unsigned char cpp_method[] = {
#embed "Files/cpp/method.cpp"
};
static const unsigned char cpp_build[] = {
#embed "Files/cpp/build.sh"
};
static const unsigned char rust_method[] = {
#embed "Files/rust/method.rs"
};
static const unsigned char rust_build[] = {
#embed "Files/rust/build.sh"
};
static const unsigned char swift_method[] = {
#embed "Files/swift/ScaledOutput.swift"
};
static const unsigned char swift_build[] = {
#embed "Files/swift/build.sh"
};
static const unsigned char manifest_c[] = {
#embed "Files/manifest.c"
};
static const unsigned char manifest_json[] = {
#embed "Files/manifest.json"
};
static const unsigned char rust_binding[] = {
#embed "../../Examples/LoKr/peft.rs"
};
static const unsigned char module_map[] = {
#embed "../PluginAPI/C/include/module.modulemap"
};
static const unsigned char kit_entry[] = {
#embed "../PluginAPI/Swift/Entry.swift"
};
static const unsigned char kit_host[] = {
#embed "../PluginAPI/Swift/Host.swift"
};
static const unsigned char kit_hyperparameter[] = {
#embed "../PluginAPI/Swift/Hyperparameter.swift"
};
static const unsigned char kit_hyperparametervalue[] = {
#embed "../PluginAPI/Swift/HyperparameterValue.swift"
};
static const unsigned char kit_method[] = {
#embed "../PluginAPI/Swift/Method.swift"
};
static const unsigned char kit_config[] = {
#embed "../PluginAPI/Swift/Phases/Config.swift"
};
static const unsigned char kit_methodgraphs[] = {
#embed "../PluginAPI/Swift/Phases/MethodGraphs.swift"
};
static const unsigned char kit_plan[] = {
#embed "../PluginAPI/Swift/Phases/Plan.swift"
};
static const unsigned char kit_scope[] = {
#embed "../PluginAPI/Swift/Scope.swift"
};
static const unsigned char kit_layersites[] = {
#embed "../PluginAPI/Swift/Sites/LayerSites.swift"
};
static const unsigned char kit_linearsite[] = {
#embed "../PluginAPI/Swift/Sites/LinearSite.swift"
};
static const unsigned char kit_site[] = {
#embed "../PluginAPI/Swift/Sites/Site.swift"
};
static const unsigned char kit_tablesites[] = {
#embed "../PluginAPI/Swift/Sites/TableSites.swift"
};
static const unsigned char kit_arithmetic[] = {
#embed "../PluginAPI/Swift/Values/Arithmetic.swift"
};
static const unsigned char kit_products[] = {
#embed "../PluginAPI/Swift/Values/Products.swift"
};
static const unsigned char kit_rows[] = {
#embed "../PluginAPI/Swift/Values/Rows.swift"
};
static const unsigned char kit_selection[] = {
#embed "../PluginAPI/Swift/Values/Selection.swift"
};
static const unsigned char kit_structure[] = {
#embed "../PluginAPI/Swift/Values/Structure.swift"
};
static const unsigned char kit_value[] = {
#embed "../PluginAPI/Swift/Values/Value.swift"
};

static const peft_template templates[] = {
    {"all", "peft_plugin.h", header, sizeof header},
    {"all", "exports.map", exports, sizeof exports},
    {"all", "README.md", readme, sizeof readme},
    {"c", "method.c", c_method, sizeof c_method},
    {"c", "build.sh", c_build, sizeof c_build},
    {"cpp", "method.cpp", cpp_method, sizeof cpp_method},
    {"cpp", "build.sh", cpp_build, sizeof cpp_build},
    {"rust", "method.rs", rust_method, sizeof rust_method},
    {"rust", "build.sh", rust_build, sizeof rust_build},
    {"swift", "ScaledOutput.swift", swift_method, sizeof swift_method},
    {"swift", "build.sh", swift_build, sizeof swift_build},
    {"c cpp swift", "manifest.c", manifest_c, sizeof manifest_c},
    {"rust", "manifest.json", manifest_json, sizeof manifest_json},
    {"rust", "peft.rs", rust_binding, sizeof rust_binding},
    {"swift", "module.modulemap", module_map, sizeof module_map},
    {"swift", "PluginAPI/Entry.swift", kit_entry, sizeof kit_entry},
    {"swift", "PluginAPI/Host.swift", kit_host, sizeof kit_host},
    {"swift", "PluginAPI/Hyperparameter.swift", kit_hyperparameter, sizeof kit_hyperparameter},
    {"swift", "PluginAPI/HyperparameterValue.swift", kit_hyperparametervalue, sizeof kit_hyperparametervalue},
    {"swift", "PluginAPI/Method.swift", kit_method, sizeof kit_method},
    {"swift", "PluginAPI/Config.swift", kit_config, sizeof kit_config},
    {"swift", "PluginAPI/MethodGraphs.swift", kit_methodgraphs, sizeof kit_methodgraphs},
    {"swift", "PluginAPI/Plan.swift", kit_plan, sizeof kit_plan},
    {"swift", "PluginAPI/Scope.swift", kit_scope, sizeof kit_scope},
    {"swift", "PluginAPI/LayerSites.swift", kit_layersites, sizeof kit_layersites},
    {"swift", "PluginAPI/LinearSite.swift", kit_linearsite, sizeof kit_linearsite},
    {"swift", "PluginAPI/Site.swift", kit_site, sizeof kit_site},
    {"swift", "PluginAPI/TableSites.swift", kit_tablesites, sizeof kit_tablesites},
    {"swift", "PluginAPI/Arithmetic.swift", kit_arithmetic, sizeof kit_arithmetic},
    {"swift", "PluginAPI/Products.swift", kit_products, sizeof kit_products},
    {"swift", "PluginAPI/Rows.swift", kit_rows, sizeof kit_rows},
    {"swift", "PluginAPI/Selection.swift", kit_selection, sizeof kit_selection},
    {"swift", "PluginAPI/Structure.swift", kit_structure, sizeof kit_structure},
    {"swift", "PluginAPI/Value.swift", kit_value, sizeof kit_value},
};

const peft_template *peft_template_at(size_t index)
{
    return index < sizeof templates / sizeof *templates ? &templates[index] : NULL;
}
