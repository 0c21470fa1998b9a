import CPeftPlugin
import Foundation
import Testing

/// A plugin as a host sees it: what it says, and what it does when it is called.
struct LoadedPlugin {
    let plugin: peft_plugin

    init(_ plugin: UnsafePointer<peft_plugin>?) throws { self.plugin = try #require(plugin).pointee }

    /// Loads a library the way a host does.
    init(library: URL) throws {
        let handle = dlopen(library.path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)
        try #require(handle != nil, "\(dlerror().map { String(cString: $0) } ?? "")")
        let symbol = try #require(dlsym(handle, "peft_plugin_entry"))
        typealias Entry = @convention(c) (UnsafePointer<peft_host>?) -> UnsafePointer<peft_plugin>?
        try self.init(unsafeBitCast(symbol, to: Entry.self)(FakeHost.pointer))
    }

    /// Where the products of this build are: beside the test bundle.
    static func product(_ name: String) -> URL {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "lib\(name).so")
    }

    func inject(_ site: peft_site, _ recording: Recording) -> [String] {
        record(recording) { trace in withUnsafePointer(to: site) { plugin.inject(plugin.`self`, trace, $0) } }
    }

    func plan(_ recording: Recording) -> [String] { record(recording) { plugin.plan(plugin.`self`, $0) } }
    func method(_ recording: Recording) -> [String] { record(recording) { plugin.method(plugin.`self`, $0) } }

    /// The lines that a callback adds.
    private func record(_ recording: Recording, _ callback: (OpaquePointer) -> Int32) -> [String] {
        let before = recording.lines.count
        Recording.current = recording
        #expect(callback(OpaquePointer(bitPattern: 16)!) == PEFT_OK)
        return Array(recording.lines.dropFirst(before))
    }
}

func makeSite(
    _ kind: Int32, _ name: String, inputs: Int64 = 32, outputs: Int64 = 32, hasBias: Bool = false, layer: Int32 = 0
) -> peft_site {
    var site = peft_site()
    site.struct_size = UInt32(MemoryLayout<peft_site>.size)
    site.kind = kind
    site.layer = layer
    site.name = immortal(name)
    (site.inputs, site.outputs, site.has_bias) = (inputs, outputs, hasBias ? 1 : 0)
    (site.heads, site.key_heads, site.head_size) = (4, 2, 8)
    return site
}

/// Runs a program and gives its exit code and what it printed, errors included.
func run(_ program: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
