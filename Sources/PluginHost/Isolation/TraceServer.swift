import CHostSupport
import Formats
import Glibc
import Programs

/// The child's side: reads one request, gives up what it does not need, runs the plugin, answers, and ends.
package final class TraceServer {
    private let channel: Int32
    private var phase = "start"

    /// - Parameter channel: the descriptor of the socket to the host.
    package init(channel: Int32) { self.channel = channel }

    package func run() -> Never {
        host_end_with_parent()
        do throws(PluginError) {
            let request = try ChildRequest(readRequest())
            // Before anything of the plugin is mapped.
            host_limit(
                UInt64(request.limits.memory), UInt64(request.limits.seconds + 1), UInt64(ChildRequest.mostOutput))
            let sandbox = host_enter_sandbox(nil)
            let answer = try answer(request, sandbox)
            checkOutput()
            send(answer)
        } catch {
            fail(error)
        }
        // Not exit: nothing of the plugin runs any more.
        _exit(0)
    }

    private func answer(_ request: ChildRequest, _ sandbox: sandbox_report) throws(PluginError) -> Frame {
        guard let library = request.library else { return Frame(.sandbox, json: SandboxReport(sandbox).json) }
        switch request.task {
        case .describe:
            let description = try LoadedPlugin.description(of: library, announce: announce)
            return Frame(.description, json: description.manifest)
        case .importConfig(let manifest, let request):
            let result = try load(library, manifest).importConfig(request, announce: announce)
            return Frame(.imported, json: result?.coded ?? .null)
        case .trace(let manifest, let request):
            let program = try load(library, manifest).method(
                for: request, tokenize: tokenize, warn: { send(Frame(.warning, text: $0)) }, announce: announce)
            return Frame(.program, program.encode())
        case .reportSandbox: return Frame(.sandbox, json: SandboxReport(sandbox).json)
        }
    }

    private func load(_ file: LibraryFile, _ manifest: PluginDescription) throws(PluginError) -> LoadedPlugin {
        let plugin = try LoadedPlugin.load(file, manifest, announce: announce)
        guard !plugin.changes.contains(.floatingPoint) else {
            throw PluginError(
                .broken, "load: changed the floating-point mode", place: plugin.description.id,
                remedy: "link it without -ffast-math")
        }
        for warning in plugin.warnings { send(Frame(.warning, text: warning)) }
        return plugin
    }

    private func announce(_ next: String) {
        checkOutput()
        phase = next
        send(Frame(.phase, text: next))
    }

    /// Ends the child where the plugin has printed something: the host quotes it.
    private func checkOutput() {
        fflush(nil)
        var status = stat()
        guard fstat(STDOUT_FILENO, &status) == 0, status.st_size > 0 else { return }
        fail(
            PluginError(
                .broken, "\(phase): wrote to standard output or standard error, which are not a plugin's",
                place: "", remedy: "to debug it, trace with --in-process"))
        _exit(0)
    }

    private func fail(_ error: PluginError) { send(Frame(.failure, json: error.coded)) }

    // MARK: Channel

    private struct NoIDs: Error, CustomStringConvertible { var description: String }

    private func tokenize(_ text: String) throws -> [Int32] {
        send(Frame(.tokenize, text: text))
        let answer = readFrame()
        guard answer.kind == .ids else { throw NoIDs(description: answer.text) }
        return stride(from: 0, to: answer.content.count, by: 4).map { first in
            (0..<4).reduce(0) { $0 | Int32(answer.content[first + $1]) << (8 * Int32($1)) }
        }
    }

    private func readRequest() throws(PluginError) -> JSON {
        do throws(FormatError) {
            return try readFrame().json()
        } catch {
            throw PluginError(.broken, "the request cannot be read: \(error.message)", place: TraceProgram.name)
        }
    }

    /// The next frame of the host; without it there is nothing to do.
    private func readFrame() -> Frame {
        let head = readBytes(Frame.headSize)
        let count = (0..<4).reduce(0) { $0 | Int(head[$1]) << (8 * $1) }
        guard let kind = Frame.Kind(rawValue: head[4]), count <= kind.limit else { _exit(2) }
        return Frame(kind, readBytes(count))
    }

    private func readBytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let got = read(channel, buffer.baseAddress! + initialized, count - initialized)
                guard got > 0 || got < 0 && errno == EINTR else { _exit(2) }
                initialized += max(got, 0)
            }
        }
    }

    private func send(_ frame: Frame) {
        frame.bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = write(channel, bytes.baseAddress! + sent, bytes.count - sent)
                guard count > 0 || count < 0 && errno == EINTR else { _exit(2) }
                sent += max(count, 0)
            }
        }
    }
}
