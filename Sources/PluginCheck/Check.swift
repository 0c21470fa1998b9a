import Dispatch
import Glibc
import PluginHost
import Synchronization

/// A plugin's examination: every rule, each in a child process.
package struct Check: Sendable {
    package struct Result: Sendable {
        package let rule: Rule
        package let outcome: Outcome
        package let seconds: Double

        package var isFailure: Bool { if case .failed = outcome { true } else { false } }
    }

    package let path: String
    package let seed: UInt64
    package let options: [(name: String, text: String)]
    /// The peft-host whose `plugins probe` the children run.
    package let executable: String
    /// Those that are asked, with those that say whether what they need is there.
    package let rules: [Rule]

    package init(
        path: String, seed: UInt64, options: [(name: String, text: String)] = [], level: Rule.Level = .development,
        only ids: [String] = [], executable: String
    ) throws {
        (self.path, self.seed, self.options, self.executable) = (path, seed, options, executable)
        if let unknown = ids.first(where: { id in !Rule.all.contains { $0.id == id } }) {
            throw CheckError("there is no rule \(unknown); there are \(Rule.all.map(\.id).joined(separator: ", "))")
        }
        let chosen = Rule.all.filter { rule in
            ids.isEmpty ? rule.level == .development || level == .distribution : ids.contains(rule.id)
        }
        let deepest = chosen.map(\.need.rawValue).max() ?? 0
        let gates = Rule.gates.filter { $0.need.rawValue <= deepest }.map(\.rule.id)
        rules = Rule.all.filter { rule in gates.contains(rule.id) || chosen.contains { $0.id == rule.id } }
        guard access(path, R_OK) == 0 else { throw CheckError("\(path): \(String(cString: strerror(errno)))") }
    }

    /// Runs the rules, two at a time.
    ///
    /// - Parameter each: gets the results in the order of the rules, as soon as they are there.
    package func run(each: @escaping @Sendable (Result) -> Void = { _ in }) throws -> [Result] {
        let state = Mutex(State(results: Array(repeating: nil, count: rules.count)))
        let first = Worker(self)
        // What others need comes first.
        var missing: Rule.Need?
        for (need, gate) in Rule.gates where missing == nil {
            guard let index = rules.firstIndex(where: { $0.id == gate.id }) else { continue }
            let result = first.run(gate)
            state.withLock { $0.finish(index, result, each) }
            if result.outcome != .passed { missing = need }
        }
        let broken = missing
        nonisolated(unsafe) let workers = [first, Worker(self)]
        DispatchQueue.concurrentPerform(iterations: workers.count) { number in
            while let index = state.withLock({ $0.take() }) {
                let rule = rules[index]
                let result =
                    if let broken, rule.need.rawValue >= broken.rawValue {
                        Result(rule: rule, outcome: .skipped(broken.missing), seconds: 0)
                    } else {
                        workers[number].run(rule)
                    }
                state.withLock { $0.finish(index, result, each) }
            }
        }
        return state.withLock { $0.results.compactMap { $0 } }
    }

    private struct State {
        var results: [Result?]
        private var next = 0
        private var shown = 0

        init(results: [Result?]) { self.results = results }

        /// The next rule that has no result.
        mutating func take() -> Int? {
            while next < results.count, results[next] != nil { next += 1 }
            guard next < results.count else { return nil }
            defer { next += 1 }
            return next
        }

        mutating func finish(_ index: Int, _ result: Result, _ each: (Result) -> Void) {
            results[index] = result
            while shown < results.count, let result = results[shown] {
                each(result)
                shown += 1
            }
        }
    }
}

extension Rule.Need {
    /// Why a rule that needs it is skipped.
    fileprivate var missing: String {
        switch self {
        case .file: "there is no file"
        case .manifest: "it does not read as a plugin"
        case .loading: "it cannot be loaded"
        case .tracing: "it cannot be traced"
        }
    }
}

/// Runs rules one after the other, in one child as long as that lives and is what they need.
private final class Worker {
    private let check: Check
    private var child: Child?

    init(_ check: Check) { self.check = check }

    func run(_ rule: Rule) -> Check.Result {
        let began = ContinuousClock.now
        let outcome: Outcome
        do {
            let child = try rule.isAlone ? start() : self.child ?? start()
            let answer = child.run(rule.id, seconds: rule.seconds)
            if !rule.isAlone { self.child = child.isAlive ? child : nil }
            outcome = if answer == .passed, let fact = rule.fact { try agree(on: fact, rule) } else { answer }
        } catch {
            outcome = .failed("\(error)")
        }
        return Check.Result(rule: rule, outcome: outcome, seconds: (ContinuousClock.now - began) / .seconds(1))
    }

    /// Asks two fresh processes.
    private func agree(on fact: Rule.Fact, _ rule: Rule) throws -> Outcome {
        var answers: Set<String> = []
        for _ in 0..<2 {
            switch try start().run(fact.id, seconds: rule.seconds) {
            case .skipped(let answer): answers.insert(answer)
            case .failed(let message): return .failed("in a fresh process: \(message)")
            case .passed: break
            }
        }
        return answers.count == 1 ? .passed : .failed(fact.failure)
    }

    private func start() throws -> Child {
        try Child(executable: check.executable, path: check.path, seed: check.seed, options: check.options)
    }
}
