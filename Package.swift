// swift-tools-version: 6.2
import PackageDescription

/// The plugins: Plugins/<Method> becomes lib<Method>.so.
let methods = [
    "AdaLoRA", "BottleneckAdapter", "FullFineTuning", "IA3", "LlamaAdapter", "LoRA", "PTuning", "PrefixTuning",
    "PromptTuning",
]

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
    products: [
        .executable(name: "peft-host", targets: ["Host"]), .executable(name: "peft-trace", targets: ["Tracer"]),
        .executable(name: "peft-guide", targets: ["Guide"]),
        .executable(name: "peft-registry", targets: ["Registry"]),
    ]
        + methods.map { .library(name: $0, type: .dynamic, targets: ["\($0)Plugin"]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "Kernels", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra"])]),
        .target(name: "Formats", dependencies: ["CCrypto"]),
        .target(name: "Text", dependencies: ["Formats"]),
        .target(name: "Programs"),
        .target(name: "CHostSupport"),
        .target(
            name: "PluginHost",
            dependencies: ["Programs", "Formats", "PluginKernels", "CPeftPlugin", "CHostSupport", "CPCRE2"]),
        .systemLibrary(name: "COpenBLAS"),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"])]),
        .target(name: "PluginKernels", dependencies: ["Programs", "CFFI"]),
        .target(name: "Engine", dependencies: ["Kernels", "Programs", "COpenBLAS", "PluginKernels"]),
        .target(name: "Models", dependencies: ["Engine", "Formats", "Text", "Programs", "Kernels"]),
        .target(name: "Training", dependencies: ["Models", "Engine", "Formats", "Text", "Programs", "Kernels"]),
        .target(name: "Generation", dependencies: ["Models", "Engine", "Formats", "Text"]),
        .target(
            name: "Adapters",
            dependencies: ["Models", "Engine", "Formats", "Programs", "PluginHost", "Training"]),
        .target(
            name: "PluginCheck",
            dependencies: [
                "Adapters", "Training", "PluginHost", "Models", "Engine", "Programs", "Formats", "CHostSupport",
                "CPeftPlugin",
            ]),
        .target(name: "Templates", exclude: ["Files"]),
        .executableTarget(
            name: "Host",
            dependencies: [
                "PluginCheck", "Templates", "Generation", "Adapters", "Training", "PluginHost", "Models", "Engine",
                "Text", "Formats", "Terminal", "Programs", "Kernels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(name: "Terminal"),
        .executableTarget(name: "Tracer", dependencies: ["PluginHost"]),
        .executableTarget(
            name: "Registry",
            dependencies: [
                "Formats", "Terminal", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(name: "Charts"),
        .target(
            name: "GuideExperiment", dependencies: ["Charts", "Formats"], path: "Benchmarks/Guide/Experiment"),
        .executableTarget(
            name: "Guide", dependencies: ["GuideExperiment", "Formats"], path: "Benchmarks/Guide/Command"),
        .target(name: "CPeftPlugin", path: "Sources/PluginAPI/C", exclude: ["peft_layout.inc"]),
        .target(
            name: "CPeftPluginCxx", dependencies: ["CPeftPlugin"], path: "Sources/PluginAPI/Cxx", publicHeadersPath: "."
        ),
        .target(
            name: "PluginAPI", dependencies: ["CPeftPlugin"], path: "Sources/PluginAPI/Swift",
            swiftSettings: pluginSettings),
        .target(name: "TestSupport", dependencies: ["Programs", "Formats"], path: "Tests/Support"),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Formats"]),
        .testTarget(name: "FormatsTests", dependencies: ["Formats"]),
        .testTarget(name: "TextTests", dependencies: ["Text", "Formats"]),
        .testTarget(name: "ProgramsTests", dependencies: ["Programs", "TestSupport"]),
        .target(name: "CTestKernels", path: "Tests/TestKernels"),
        .testTarget(
            name: "PluginKernelsTests", dependencies: ["PluginKernels", "Engine", "Programs", "CTestKernels"]),
        .target(name: "CAllocations", path: "Tests/Allocations"),
        .testTarget(
            name: "EngineTests", dependencies: ["Engine", "Kernels", "Programs", "TestSupport", "CAllocations"]),
        .testTarget(name: "ModelsTests", dependencies: ["Models", "Engine", "Formats", "Programs"]),
        .testTarget(name: "HostTests", dependencies: ["Formats", "TestSupport"]),
        .testTarget(
            name: "TrainingTests", dependencies: ["Training", "Models", "Engine", "Programs", "Formats", "Text"]),
        .testTarget(name: "GenerationTests", dependencies: ["Generation", "Models", "Engine", "Formats", "Text"]),
        .testTarget(name: "AdaptersTests", dependencies: ["Adapters", "Models", "Programs", "Formats"]),
        .testTarget(name: "GuideTests", dependencies: ["GuideExperiment", "Charts", "Formats"]),
        .testTarget(
            name: "PluginHostTests",
            dependencies: [
                "PluginHost", "Adapters", "Training", "Models", "Engine", "Programs", "Formats", "TestSupport",
            ],
            exclude: ["Plugins"]),
        .testTarget(
            name: "MethodTests",
            dependencies: [
                "PluginCheck", "Adapters", "Training", "PluginHost", "Models", "Engine", "Programs", "Formats",
            ]),
        .testTarget(name: "PluginCheckTests", dependencies: ["PluginCheck", "TestSupport"]),
        .testTarget(
            name: "PluginAPITests", dependencies: ["CPeftPlugin", "CPeftPluginCxx", "PluginAPI", "Formats"]),
    ] + plugins,
    cxxLanguageStandard: .cxx17
)
