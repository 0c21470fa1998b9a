import Formats
import Glibc
import Programs

/// A plugin whose code runs in children, one a request: this process never maps its library, and believes nothing of what
/// they send.
final class ChildPlugin: TraceablePlugin {
    let description: PluginDescription
    var warnings: [String] { file.warnings }
    private let file: LibraryFile
    private let limits: ChildLimits

    init(_ library: PluginLibrary, _ limits: ChildLimits) {
        (description, file, self.limits) = (library.manifest, library.file, limits)
    }

    func method(
        for request: TraceRequest, tokenize: @escaping (String) throws -> [Int32], warn: (String) -> Void
    ) throws(PluginError) -> MethodProgram {
        let question = ChildRequest(task: .trace(description, request), library: file, limits: limits)
        let answer = try Self.ask(question, for: .program, place: description.id, tokenize: tokenize, warn: warn)
        let program: MethodProgram
        do throws(ProgramError) {
            program = try MethodProgram.decode(answer.content)
        } catch {
            throw PluginError(.broken, "its program cannot be used: \(error.message)", place: description.id)
        }
        try check(program, for: request)
        return program
    }

    /// What a trace in this process holds by the way it is made.
    private func check(_ program: MethodProgram, for request: TraceRequest) throws(PluginError) {
        try program.check(isMethodOf: description)
        func fail(_ message: String) -> PluginError { PluginError(.broken, message, place: description.id) }
        guard program.settings == request.fields else { throw fail("its program is for other settings") }
        // In the order in which they were offered, each once.
        var offered = request.sites[...]
        for site in program.sites.map(\.site) {
            guard let place = offered.firstIndex(of: site) else {
                throw fail("its program stands at \(site.module.quoted), which it was not offered there")
            }
            offered = offered[(place + 1)...]
        }
    }

    func importConfig(_ request: ImportRequest) throws(PluginError) -> ImportedConfig? {
        let question = ChildRequest(task: .importConfig(description, request), library: file, limits: limits)
        let answer = try Self.ask(question, for: .imported, place: description.id)
        let json = try Self.json(answer, description.id)
        if json.isNull { return nil }
        guard let result = ImportedConfig(coded: json) else { throw Self.unreadable(description.id) }
        return result
    }

    static func description(of file: LibraryFile, _ limits: ChildLimits) throws(PluginError) -> PluginDescription {
        let question = ChildRequest(task: .describe, library: file, limits: limits)
        let answer = try ask(question, for: .description, place: file.path)
        return try PluginDescription(manifest: answer.content, place: file.path)
    }

    static func sandbox() throws(PluginError) -> SandboxReport {
        let question = ChildRequest(task: .reportSandbox, library: nil, limits: ChildLimits())
        let answer = try ask(question, for: .sandbox, place: TraceProgram.name)
        guard let report = SandboxReport(try json(answer, TraceProgram.name)) else {
            throw unreadable(TraceProgram.name)
        }
        return report
    }

    // MARK: Conversation

    private static func json(_ frame: Frame, _ place: String) throws(PluginError) -> JSON {
        do throws(FormatError) { return try frame.json() } catch { throw unreadable(place) }
    }

    private static func unreadable(_ place: String) -> PluginError {
        PluginError(.broken, "its child sent an answer that cannot be read", place: place)
    }

    /// Starts a child, asks it one thing, and ends it.
    ///
    /// - Parameters:
    ///   - kind: that of the answer.
    ///   - place: for errors: the plugin.
    private static func ask(
        _ request: ChildRequest, for kind: Frame.Kind, place: String,
        tokenize: (String) throws -> [Int32] = { _ in [] }, warn: (String) -> Void = { _ in }
    ) throws(PluginError) -> Frame {
        let child = try ChildProcess(TraceProgram.path(), environment: TraceProgram.environment)
        var talk = Conversation(kind: kind, place: place)
        let outcome = Result { () throws(PluginError) in
            try child.converse(Frame(.request, json: request.json), seconds: request.limits.seconds) {
                frame throws(PluginError) in try talk.hear(frame, tokenize)
            }
        }
        let printed = child.finish()
        talk.warnings.forEach(warn)
        return try talk.result(outcome, printed: printed, request.limits)
    }
}

/// What the host has heard from a child.
private struct Conversation {
    /// That of the answer.
    let kind: Frame.Kind
    let place: String
    var warnings: [String] = []
    private var phase = "start"
    private var answer: Frame?
    private var questions = 0

    private static let mostWarnings = 100
    private static let mostQuestions = 10_000

    init(kind: Frame.Kind, place: String) { (self.kind, self.place) = (kind, place) }

    private func fail(_ message: String, remedy: String = "") -> PluginError {
        PluginError(.broken, "\(phase): \(message)", place: place, remedy: remedy)
    }

    mutating func hear(
        _ frame: Frame, _ tokenize: (String) throws -> [Int32]
    ) throws(PluginError) -> ChildProcess.Reply {
        switch frame.kind {
        case .phase: if !frame.content.isEmpty { phase = frame.text.onOneLine(300) }
        case .warning: if warnings.count < Self.mostWarnings { warnings.append(frame.text.onOneLine(1000)) }
        case .tokenize:
            questions += 1
            guard questions <= Self.mostQuestions else { throw fail("asks for the ids of too many texts") }
            do {
                let ids = try tokenize(frame.text)
                return .send(Frame(.ids, ids.prefix(Frame.Kind.ids.limit / 4).flatMap(\.bytes)))
            } catch {
                return .send(Frame(.noIDs, text: "\(error)"))
            }
        case .failure:
            guard let json = try? frame.json(), var error = PluginError(coded: json) else {
                throw fail("its child sent an error that cannot be read")
            }
            if error.place.isEmpty { error.place = place }
            throw error
        case kind:
            answer = frame
            return .done
        default: throw fail("its child sent a message of the kind \(frame.kind), which nobody asked for")
        }
        return .none
    }

    /// - Parameter printed: what was written to standard output or standard error in the child.
    func result(
        _ outcome: Result<ChildProcess.Ending?, PluginError>, printed: String, _ limits: ChildLimits
    ) throws(PluginError) -> Frame {
        let quote = printed.isEmpty ? "" : "; it printed: \(printed)"
        let ending: ChildProcess.Ending?
        do throws(PluginError) {
            ending = try outcome.get()
        } catch {
            var error = error
            error.message += quote
            throw error
        }
        let debug = "to debug it, trace with --in-process"
        switch ending {
        case nil where !printed.isEmpty:
            throw fail("wrote to standard output or standard error, which are not a plugin's\(quote)", remedy: debug)
        case nil:
            guard let answer else { throw fail("gave no answer") }
            return answer
        case .signal(let number, let memory):
            let isFull = memory > limits.memory / 4 * 3
            let cause = isFull ? " out of its \(limits.memory >> 20) MB of memory" : ""
            let name = String(cString: strsignal(number))
            throw fail("the plugin ended with signal \(number) (\(name))\(cause)\(quote)", remedy: debug)
        case .exit(let code): throw fail("the plugin left with exit code \(code)\(quote)", remedy: debug)
        case .timeout: throw fail("the plugin did not come back within \(limits.seconds) s\(quote)", remedy: debug)
        case .silence: throw fail("the plugin closed the channel to the host\(quote)", remedy: debug)
        case .nonsense(let what): throw fail("the plugin sent \(what)\(quote)", remedy: debug)
        }
    }
}

extension Int32 {
    /// Least first.
    fileprivate var bytes: [UInt8] { [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
