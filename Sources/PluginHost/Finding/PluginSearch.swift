import Glibc

/// Where plugins are looked for, and how a name becomes a library. Never in the working directory.
package struct PluginSearch: Sendable {
    /// In the order in which they are looked through.
    package let folders: [String]
    /// What the SHA-256 of a library that is found must be; nil: any.
    package var sha256: String?
    /// Where the user's consent to the kernels of a library that is found is kept; nil: it is not given.
    package var consent: KernelConsent?
    /// That of this program, where libraries may lie that are no plugins and not meant to be.
    private let shared: String?

    /// - Parameters:
    ///   - pluginPaths: what `--plugin-path` names.
    ///   - environment: `PEFT_HOST_PLUGIN_PATH` (folders between colons; relative ones do not count) and `HOME`.
    ///   - executable: the path of this program; plugins may lie beside it.
    package init(pluginPaths: [String], environment: [String: String], executable: String) {
        let variable = environment["PEFT_HOST_PLUGIN_PATH"]?.split(separator: ":").map(String.init) ?? []
        let beside = executable.lastIndex(of: "/").map { String(executable[..<$0]) }
        let home = environment["HOME"].map { "\($0)/.local/lib/peft-host" }
        let absolute = variable + [beside, home, "/usr/local/lib/peft-host"].compactMap { $0 }
        let all = pluginPaths.filter { !$0.isEmpty } + absolute.filter { $0.hasPrefix("/") }
        folders = all.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        shared = (pluginPaths + variable).contains { $0 == beside } ? nil : beside
    }

    /// The search path of this process.
    package init(pluginPaths: [String]) {
        var environment: [String: String] = [:]
        for name in ["PEFT_HOST_PLUGIN_PATH", "HOME"] {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        let executable = realpath("/proc/self/exe", nil)
        defer { free(executable) }
        self.init(
            pluginPaths: pluginPaths, environment: environment, executable: executable.map { String(cString: $0) } ?? ""
        )
    }

    /// Every `.so` of the search path, folders in their order, files by name, each file once.
    package func list() -> [FoundPlugin] {
        var found: [FoundPlugin] = []
        var seen: Set<String> = []
        for folder in folders {
            for path in PluginSearch.libraries(in: folder) {
                let item = FoundPlugin(path)
                let isMeant = folder != shared || item.problem?.code != .notAPlugin
                if isMeant, seen.insert(item.path).inserted { found.append(item) }
            }
        }
        // The one that `find` gives for the id is the first, or the one that its file is named for.
        for id in Set(found.filter { $0.problem == nil }.compactMap { $0.library?.manifest.id }) {
            let same = found.indices.filter { found[$0].problem == nil && found[$0].library?.manifest.id == id }
            let folder = found[same[0]].folder
            let named = same.first { found[$0].folder == folder && found[$0].file == "lib\(id).so" }
            for index in same where index != named ?? same[0] {
                found[index].shadow(by: found[named ?? same[0]].path)
            }
        }
        return found
    }

    /// The plugin that a user means: a path (it has a '/'), a file's name, or a method's id or `peft_type`.
    package func find(_ name: String) throws(PluginError) -> PluginLibrary {
        let library = try locate(name)
        if let sha256 { try library.check(sha256: sha256) }
        try consent?.give(to: library)
        return library
    }

    private func locate(_ name: String) throws(PluginError) -> PluginLibrary {
        if name.contains("/") { return try PluginLibrary(path: name) }
        var misfit: PluginLibrary?
        for folder in folders {
            for file in [name, "lib\(name).so"] where !name.isEmpty && PluginSearch.isFile("\(folder)/\(file)") {
                return try PluginLibrary(path: "\(folder)/\(file)")
            }
            for path in PluginSearch.libraries(in: folder) {
                guard let library = try? PluginLibrary(path: path) else { continue }
                guard library.manifest.id == name || library.manifest.peftTypes.contains(name) else { continue }
                if library.misfit == nil { return library }
                misfit = misfit ?? library
            }
        }
        // Loading it will say what stands against it.
        if let misfit { return misfit }
        throw notFound(name)
    }

    private func notFound(_ name: String) -> PluginError {
        let names = list().map { $0.library?.manifest.id ?? $0.file }
        let folders = folders.joined(separator: ", ")
        let remedy = names.isEmpty ? "name a folder with --plugin-path" : suggestion(for: name, among: names)
        return PluginError(.notFound, "no such plugin in \(folders)", place: name, remedy: remedy)
    }

    private static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func libraries(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".so") { names.append("\(folder)/\(name)") }
        }
        return names.sorted().filter(isFile)
    }
}
