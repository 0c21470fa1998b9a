import Formats
import Foundation
import PluginHost
import Testing

@Suite struct LibraryTests {
    @Test func aManifestIsReadWithoutLoading() throws {
        let library = try PluginLibrary(path: try Build.plugin("lora.c", manifest: .lora))
        #expect(library.manifest == .lora)
        #expect(library.exports.contains("peft_plugin_entry"))
        #expect(library.needed.contains { $0.hasPrefix("libc.so") })
        #expect(["x86_64", "aarch64"].contains(library.machine))
    }

    @Test func manifestsKeepEverything() throws {
        var description = PluginDescription.lora
        description.summary = "naïve – “quoted” ??= \\ "
        for type in HyperparameterType.allCases {
            var hyperparameter = Hyperparameter("of_\(type.rawValue)", type, default: nil)
            hyperparameter.isDerived = type == .number
            description.hyperparameters.append(hyperparameter)
        }
        let bytes = Array(description.manifest.text().utf8) + [0, 0]
        #expect(try PluginDescription(manifest: bytes, place: "") == description)
    }

    @Test func missingAndBrokenManifests() throws {
        let text = PluginDescription.lora.manifest.text()
        for cut in stride(from: 0, to: text.utf8.count, by: 7) {
            #expect(throws: PluginError.self) {
                try PluginDescription(manifest: Array(text.utf8.prefix(cut)), place: "x")
            }
        }
        for (old, new) in [
            ("\"manifest\": 1", "\"manifest\": 2"), ("\"linear\"", "\"linaer\""), ("\"integer\"", "\"int\""),
            ("\"default\": 8", "\"default\": \"8\""), ("\"default\": 8", "\"default\": 2000"),
            ("\"LoRA\"", "\"Lo RA\""),
            ("\"lora_dropout\"", "\"r\""), ("\"lora_dropout\"", "\"rank_pattern\""),
            ("\"lora_dropout\"", "\"target_modules\""), ("\"abi\": [1, 1]", "\"abi\": [1]"),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text)
            let error = #expect(throws: PluginError.self) {
                try PluginDescription(manifest: Array(changed.utf8), place: "x")
            }
            #expect(error?.code == .broken, "\(old) → \(new)")
        }
    }

    /// A word that this host does not know, in a plugin that needs a newer one.
    @Test func aNewerManifest() throws {
        let text = PluginDescription.lora.manifest.text().replacing("\"linear\"", with: "\"convolution\"")
        for (abi, code) in [("[2, 1]", PluginError.Code.broken), ("[2, 2]", .incompatible)] {
            let newer = text.replacing("\"abi\": [1, 1]", with: "\"abi\": \(abi)")
            let error = #expect(throws: PluginError.self) {
                try PluginDescription(manifest: Array(newer.utf8), place: "x")
            }
            #expect(error?.code == code && error?.message.contains("convolution") == true)
        }
    }

    @Test func notPlugins() throws {
        let folder = try Build.folder()
        func check(_ path: String, _ part: String) {
            let error = #expect(throws: PluginError.self) { try PluginLibrary(path: path) }
            #expect(error?.description.contains(part) == true, "\(error!)")
            #expect(error?.description.contains("\n") == false)
        }
        let text = folder.appending(path: "text.so")
        try Data("#!/bin/sh\n".utf8).write(to: text)
        check(text.path, "not a plugin: no ELF library")
        let inner = folder.appending(path: "inner.so")
        try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
        check(inner.path, "not a plugin: not a regular file")
        check(folder.appending(path: "none.so").path, "cannot be read (No such file or directory)")
        check(try Build.plugin("broken.c", ["ENTRY=other"], manifest: .broken), "exports no peft_plugin_entry")
        check(try Build.plugin("broken.c", manifest: nil), "has no section peft_manifest")
    }

    @Test func writableByOthers() throws {
        let path = try Build.plugin("lora.c", manifest: .lora)
        let folder = URL(filePath: path).deletingLastPathComponent().path
        func mode(_ mode: Int, _ path: String) throws {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        try mode(0o757, path)
        let file = #expect(throws: PluginError.self) { try PluginLibrary(path: path) }
        #expect(file?.code == .refused && file?.message.contains("everyone can write to the library") == true)
        try mode(0o755, path)
        try mode(0o1777, folder)
        let holder = #expect(throws: PluginError.self) { try PluginLibrary(path: path) }
        #expect(holder?.code == .refused && holder?.message.contains("the folder that holds it") == true)
        try mode(0o770, folder)
        #expect(try PluginLibrary(path: path).warnings.count == 1)
        try mode(0o700, folder)
        #expect(try PluginLibrary(path: path).warnings.isEmpty)
        guard geteuid() == 0 else { return }
        chown(path, 12345, 0)
        let owner = #expect(throws: PluginError.self) { try PluginLibrary(path: path) }
        #expect(owner?.code == .refused && owner?.message.contains("belongs to user 12345") == true)
    }
}

@Suite struct SearchTests {
    @Test func theOrder() {
        let search = PluginSearch(
            pluginPaths: ["plugins", ""], environment: ["PEFT_HOST_PLUGIN_PATH": "/a::relative:/b", "HOME": "/home/u"],
            executable: "/opt/bin/peft-host")
        #expect(
            search.folders
                == ["plugins", "/a", "/b", "/opt/bin", "/home/u/.local/lib/peft-host", "/usr/local/lib/peft-host"])
    }

    @Test func names() throws {
        let (first, second) = (try Build.folder(), try Build.folder())
        let path = try Build.plugin("lora.c", manifest: .lora, name: "libLoRA.so", in: first)
        let other = try Build.plugin("broken.c", manifest: .broken, name: "method.so", in: second)
        let search = PluginSearch(pluginPaths: [first.path, second.path], environment: [:], executable: "")
        #expect(try search.find("LoRA").path == path)
        #expect(try search.find("libLoRA.so").path == path)
        #expect(try search.find(path).path == path)
        #expect(try search.find("LORA").path == path)
        #expect(try search.find("Broken").path == other)
        #expect(try search.find("BROKEN").path == other)
        #expect(search.list().count == 2)
        let error = #expect(throws: PluginError.self) { try search.find("lorra") }
        #expect(error?.code == .notFound)
        #expect(error?.description.contains(first.path) == true)
        #expect(error?.description.contains("did you mean LoRA?") == true)
        let current = PluginSearch(pluginPaths: [], environment: [:], executable: "")
        #expect(current.folders == ["/usr/local/lib/peft-host"])
    }
}
