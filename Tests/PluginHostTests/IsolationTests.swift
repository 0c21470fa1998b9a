import Formats
import Foundation
import PluginHost
import Programs
import Testing

/// Plugins that do harm where they are traced in a child: each gives its one error, or is denied what it tries.
@Suite(.serialized) struct IsolationTests {
    static func open(_ harm: String, _ place: String, _ limits: ChildLimits = ChildLimits()) throws
        -> any TraceablePlugin
    {
        let path = try Build.plugin("hostile.c", ["HARM=\(harm)", "AT=\(place)"], manifest: .broken)
        return try openPlugin(PluginLibrary(path: path), .child(limits))
    }

    static func error(_ harm: String, _ place: String, _ limits: ChildLimits = ChildLimits()) throws -> PluginError {
        let plugin = try open(harm, place, limits)
        return try #require(#expect(throws: PluginError.self) { try traceTiny(plugin) })
    }

    static let site = "inject at model.layers.1.self_attn.q_proj"

    @Test(arguments: [
        ("crash", "load", "load: the plugin ended with signal 11"),
        ("crash", "entry", "peft_plugin_entry: the plugin ended with signal 11"),
        ("crash", "plan", "plan: the plugin ended with signal 11 (Segmentation fault)"),
        ("crash", "inject", "\(site): the plugin ended with signal 11"),
        ("crash", "method", "method: the plugin ended with signal 11"),
        ("leave", "plan", "plan: the plugin left with exit code 0"),
        ("leave", "load", "load: the plugin left with exit code 0"),
        ("leave_at_once", "inject", "\(site): the plugin left with exit code 3"),
        ("abort", "entry", "peft_plugin_entry: the plugin ended with signal 6"),
        ("jump", "plan", "plan: the plugin ended with signal"),
        ("print", "plan", #"plan: wrote to standard output or standard error"#),
        ("print", "plan", #"it printed: debug: rank\t\u{1B}[31m8"#),
        ("print", "method", #"method: wrote to standard output or standard error"#),
        ("flood", "inject", "\(site): the plugin ended with signal 25"),
        ("flood", "inject", "it printed: all work and no play\\nall work"),
        ("floats", "load", "load: changed the floating-point mode"),
        ("floats", "inject", "\(site): changed the floating-point mode"),
        ("allocate", "plan", "plan: the plugin ended with signal 11"),
        ("garbage", "plan", "plan: the plugin sent a message of"),
        ("giant", "plan", "plan: the plugin sent a message of 4294967295 bytes, where at most"),
        ("endless", "plan", "the plugin sent 131073 messages, and no answer"),
        ("forged_program", "plan", "its program cannot be used: this is not a coded method"),
        ("forged_error", "plan", "plan: its child sent an error that cannot be read"),
        ("unasked", "plan", "plan: its child sent a message of the kind description, which nobody asked for"),
        ("half", "plan", "plan: the plugin left with exit code 0"),
        ("close", "plan", "plan: the plugin closed the channel to the host"),
    ])
    func harm(name: String, place: String, part: String) throws {
        let error = try Self.error(name, place)
        #expect(error.description.contains(part), "\(error)")
        #expect(error.place == "Broken" && error.code == .broken)
        #expect(error.description.utf8.count < 1500 && !error.description.contains("\n"))
    }

    @Test func timeAndMemory() throws {
        var limits = ChildLimits()
        limits.seconds = 1
        #expect(try Self.error("loop", "plan", limits).message == "plan: the plugin did not come back within 1 s")
        limits.seconds = 20
        limits.memory = 512 << 20
        let full = try Self.error("eat", "inject", limits)
        #expect(full.message.contains("\(Self.site): the plugin ended with signal 6"), "\(full)")
        #expect(full.message.contains("out of its 512 MB of memory"), "\(full)")
    }

    /// What is tried ends the plugin with SIGABRT where it succeeds.
    @Test(arguments: ["fork", "socket", "execute", "write", "signal", "look", "environment"])
    func denied(harm: String) throws {
        let off = try SandboxReport.ask().parts.filter { !$0.isOn }
        // A kernel without them cannot deny it.
        guard harm == "environment" || !off.contains(where: { ["seccomp", "landlock"].contains($0.name) }) else {
            return
        }
        for place in ["load", "plan"] {
            #expect(try traceTiny(Self.open(harm, place)).sites.count == 4)
        }
        #expect(!FileManager.default.fileExists(atPath: "/tmp/peft-host-hostile"))
    }

    @Test func nothingIsLeft() throws {
        let plugins = try [Self.open("crash", "plan"), Self.open("close", "load")]
        func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        func zombies() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
                guard Int(name) != nil, let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8)
                else { return false }
                return stat.contains("(peft-trace) Z \(getpid()) ")
            }.count
        }
        // Tests that run beside this one open files too, and have children of their own.
        let before = try descriptors()
        for _ in 0..<40 { _ = try? traceTiny(plugins[0]) }
        _ = try? traceTiny(plugins[1])
        #expect(try descriptors() < before + 40)
        var rounds = 0
        while try zombies() > 0, rounds < 50 {
            usleep(20_000)
            rounds += 1
        }
        #expect(rounds < 50)
    }

    /// A child gives the same program as this process, and the same errors.
    @Test func twins() throws {
        let whole = ["CASE=whole", "PLAN=plan_whole", "METHOD=method_whole"]
        let lora = [("r", "2"), ("target_modules", "all-linear"), ("rank_pattern", #"{"q_proj": 3}"#)]
        for (source, defines, manifest, options) in [
            ("lora.c", [], PluginDescription.lora, lora), ("broken.c", whole, .broken, []),
            ("broken.c", ["CASE=forged"], .broken, []), ("broken.c", ["CASE=fails"], .broken, []),
            ("broken.c", ["NO_PLUGIN"], .broken, []), ("broken.c", ["PLAN=take_none"], .broken, []),
        ] {
            let library = try PluginLibrary(path: try Build.plugin(source, defines, manifest: manifest))
            func result(_ isolation: PluginIsolation) -> Result<MethodProgram, any Error> {
                Result { try traceTiny(openPlugin(library, isolation), options) }
            }
            switch (result(.child()), result(.inProcess)) {
            case (.success(let a), .success(let b)): #expect(a == b)
            // A forged value's error names its number.
            case (.failure(let a as PluginError), .failure(let b as PluginError)):
                #expect(a == b, "\(a), \(b)")
            default: Issue.record("\(source) \(defines): the one failed, the other did not")
            }
        }
    }

    @Test func theLibraryIsNotMappedHere() throws {
        let library = try PluginLibrary(path: try Build.plugin("lora.c", manifest: .lora))
        func isMapped() -> Bool { dlopen(library.path, RTLD_NOW | RTLD_NOLOAD) != nil }
        _ = try traceTiny(openPlugin(library))
        #expect(!isMapped())
        _ = try traceTiny(openPlugin(library, .inProcess))
        #expect(isMapped())
    }

    @Test func importedConfigs() throws {
        let path = try Build.plugin("broken.c", ["IMPORT=import_rank"], manifest: .broken)
        let library = try PluginLibrary(path: path)
        func settings(_ isolation: PluginIsolation, _ config: JSON) throws -> Settings {
            try importSettings(
                openPlugin(library, isolation), config: config, place: "adapter_config.json", tensors: [],
                model: TinyModel.description, task: "SEQ_CLS", labels: 2)
        }
        let config: JSON = ["rank": [3], "target_modules": ["q_proj"]]
        let child = try settings(.child(), config)
        #expect(child.values["r"] == .integer(6))
        #expect(try child == settings(.inProcess, config))
        #expect(throws: PluginError.self) { try settings(.child(), ["rank": [3000]]) }
        #expect(throws: PluginError.self) { try settings(.child(), ["rank": [3], "other": 1]) }
    }

    @Test func manifestsInAChild() throws {
        let path = try Build.plugin("broken.c", manifest: nil)
        #expect(try describePlugin(unlisted: path) == .broken)
        let crash = try Build.plugin("hostile.c", ["HARM=crash", "AT=entry"], manifest: nil)
        let error = #expect(throws: PluginError.self) { try describePlugin(unlisted: crash) }
        #expect(error?.message.hasPrefix("peft_plugin_entry: the plugin ended with signal 11") == true)
    }

    /// What was checked is what is loaded.
    @Test(arguments: [PluginIsolation.child(), .inProcess]) func exchangedFiles(isolation: PluginIsolation) throws {
        let path = try Build.plugin("broken.c", manifest: .broken)
        let library = try PluginLibrary(path: path)
        let content = try Data(contentsOf: URL(filePath: path))
        // Older kernels count time in ticks.
        usleep(20_000)
        try content.write(to: URL(filePath: path))
        let error = #expect(throws: PluginError.self) { try traceTiny(openPlugin(library, isolation)) }
        #expect(error?.code == .refused && error?.message.contains("was changed or exchanged") == true, "\(error!)")
        #expect(throws: PluginError.self) { try library.check(sha256: SHA256.of([UInt8](content))) }
    }

    @Test func pins() throws {
        let path = try Build.plugin("broken.c", manifest: .broken)
        let digest = try SHA256.file(path)
        var search = PluginSearch(pluginPaths: [], environment: [:], executable: "")
        for pin in [nil, digest, digest.uppercased()] {
            search.sha256 = pin
            #expect(try search.find(path).path == path)
        }
        search.sha256 = String(repeating: "0", count: 64)
        let error = #expect(throws: PluginError.self) { try search.find(path) }
        #expect(error?.code == .refused && error?.message.contains("its SHA-256 is \(digest), not 0000") == true)
    }

    /// A link is followed before anything is checked.
    @Test func links() throws {
        let path = try Build.plugin("broken.c", manifest: .broken)
        let folder = try Build.folder()
        let link = folder.appending(path: "link.so").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        #expect(try PluginLibrary(path: link).path == path)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
        let error = #expect(throws: PluginError.self) { try PluginLibrary(path: link) }
        #expect(error?.code == .refused && error?.place == path)
    }
}
