// swift-tools-version: 6.2
import PackageDescription

/// The plugins: Plugins/<Method> becomes lib<Method>.so.
let methods = ["LoRA"]

/// A plugin imports nothing that it does not name, so that it loads fast.
let pluginSettings: [SwiftSetting] = [
    .unsafeFlags([
        "-Xfrontend", "-disable-implicit-concurrency-module-import",
        "-Xfrontend", "-disable-implicit-string-processing-module-import",
    ])
]

/// One exported symbol, and no symbol of the plugin binds to the host's. (The default linker, gold, lists hidden symbols too.)
let pluginLinkage: [LinkerSetting] = [
    .unsafeFlags([
        "-use-ld=lld", "-Xlinker", "-Bsymbolic",
        "-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map",
    ])
]

let plugins: [Target] = methods.flatMap { method -> [Target] in
    [
        .target(
            name: "\(method)Plugin", dependencies: ["PluginAPI", "CPeftPlugin", .target(name: "\(method)Manifest")],
            path: "Plugins/\(method)", exclude: ["README.md", "Manifest"], swiftSettings: pluginSettings,
            linkerSettings: pluginLinkage),
        .target(name: "\(method)Manifest", path: "Plugins/\(method)/Manifest", publicHeadersPath: "."),
    ]
}

let package = Package(
    name: "peft-host",
    products: methods.map { .library(name: $0, type: .dynamic, targets: ["\($0)Plugin"]) },
    targets: [
        .target(
            name: "Kernels",
            cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"])]),
        .target(name: "Formats"),
        .target(name: "Text", dependencies: ["Formats"]),
        .target(name: "Programs"),
        .target(name: "CPeftPlugin", path: "Sources/PluginAPI/C", exclude: ["peft_layout.inc"]),
        .target(
            name: "CPeftPluginCxx", dependencies: ["CPeftPlugin"], path: "Sources/PluginAPI/Cxx", publicHeadersPath: "."
        ),
        .target(
            name: "PluginAPI", dependencies: ["CPeftPlugin"], path: "Sources/PluginAPI/Swift",
            swiftSettings: pluginSettings),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Formats"]),
        .testTarget(name: "FormatsTests", dependencies: ["Formats"]),
        .testTarget(name: "TextTests", dependencies: ["Text", "Formats"]),
        .testTarget(name: "ProgramsTests", dependencies: ["Programs"]),
        .testTarget(name: "PluginAPITests", dependencies: ["CPeftPlugin", "CPeftPluginCxx", "PluginAPI", "Formats"]),
    ] + plugins,
    cxxLanguageStandard: .cxx17
)
