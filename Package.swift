// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "peft-host",
    targets: [
        .target(name: "Kernels", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"])]),
        .target(name: "Formats"),
        .target(name: "Text", dependencies: ["Formats"]),
        .target(name: "Programs"),
        .target(name: "CPeftPlugin", path: "Sources/PluginAPI/C"),
        .target(name: "CHostSupport"),
        .target(name: "PluginHost", dependencies: ["Programs", "Formats", "CPeftPlugin", "CHostSupport"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Formats"]),
        .testTarget(name: "FormatsTests", dependencies: ["Formats"]),
        .testTarget(name: "TextTests", dependencies: ["Text", "Formats"]),
        .testTarget(name: "ProgramsTests", dependencies: ["Programs"]),
        .testTarget(
            name: "PluginHostTests", dependencies: ["PluginHost", "Programs", "Formats"], exclude: ["Plugins"]),
    ]
)
