// swift-tools-version: 6.2
import PackageDescription

/// The plugins: Plugins/<Method> becomes lib<Method>.so.
let methods = ["LoRA"]

/// One exported symbol, and no symbol of the plugin binds to the host's.
let pluginLinkage: [LinkerSetting] = [
    .unsafeFlags([
        "-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map", "-Xlinker", "-Bsymbolic",
    ])
]

let package = Package(
    name: "peft-host",
    products: methods.map { .library(name: $0, type: .dynamic, targets: ["\($0)Plugin"]) },
    targets: [
        .target(name: "Kernels", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"])]),
        .target(name: "Formats"),
        .target(name: "Text", dependencies: ["Formats"]),
        .target(name: "Programs"),
        .target(name: "CPeftPlugin", path: "Sources/PluginAPI/C", exclude: ["peft_layout.inc"]),
        .target(name: "PluginAPI", dependencies: ["CPeftPlugin"], path: "Sources/PluginAPI/Swift"),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Formats"]),
        .testTarget(name: "FormatsTests", dependencies: ["Formats"]),
        .testTarget(name: "TextTests", dependencies: ["Text", "Formats"]),
        .testTarget(name: "ProgramsTests", dependencies: ["Programs"]),
        .testTarget(name: "PluginAPITests", dependencies: ["CPeftPlugin", "PluginAPI"]),
    ]
        + methods.flatMap { method -> [Target] in
            [
                .target(
                    name: "\(method)Plugin", dependencies: ["PluginAPI", "CPeftPlugin", .target(name: "\(method)Manifest")],
                    path: "Plugins/\(method)", exclude: ["README.md", "Manifest"], linkerSettings: pluginLinkage),
                .target(name: "\(method)Manifest", path: "Plugins/\(method)/Manifest", publicHeadersPath: "."),
            ]
        },
    cxxLanguageStandard: .cxx17
)
