import PluginHost
import Programs

/// Values that the schema allows. A method may refuse one with an error, and never in another way.
extension Rule {
    static let hyperparameters: [Rule] = [
        Rule(
            "hyperparameter-bounds", "answers at the bounds of each hyperparameter", group: "hyperparameters",
            seconds: 60
        ) { subject in
            let plugin = try subject.plugin()
            let toy = try subject.smallest(plugin)
            let deadline = ContinuousClock.now + .seconds(10)
            for hyperparameter in plugin.description.hyperparameters {
                for value in hyperparameter.extremes where .now < deadline {
                    subject.note("\(hyperparameter.name) is \(value.prefix(60))")
                    try subject.attempt(plugin, on: toy, [(hyperparameter.name, value)])
                }
            }
            return .passed
        },
        Rule(
            "hyperparameter-fuzz", "answers to random hyperparameters", group: "hyperparameters", seconds: 60
        ) { subject in
            let plugin = try subject.plugin()
            guard !plugin.description.hyperparameters.isEmpty else { return .skipped("has no hyperparameters") }
            let toy = try subject.smallest(plugin)
            var random = subject.random("hyperparameter-fuzz")
            let deadline = ContinuousClock.now + .seconds(3)
            for _ in 0..<300 where .now < deadline {
                let chosen = plugin.description.hyperparameters.filter { _ in Bool.random(using: &random) }
                let options = chosen.map { ($0.name, $0.random(&random)) }
                subject.note(options.map { "\($0.0) is \($0.1.prefix(40))" }.joined(separator: ", "))
                try subject.attempt(plugin, on: toy, options)
            }
            return .passed
        },
    ]
}

extension Subject {
    /// Traces with values that a user could give. An error in words is an answer.
    fileprivate func attempt(
        _ plugin: LoadedPlugin, on toy: ToyModel, _ options: [(name: String, text: String)]
    ) throws {
        do {
            let program = try program(of: plugin, on: toy, options: options)
            // More than any machine runs is an answer too: the host will refuse it.
            guard program.isWithinLimits else { return }
            do {
                try program.verify()
            } catch {
                throw CheckError("with \(options.map { "\($0.name)=\($0.text)" }.joined(separator: " ")): \(error)")
            }
        } catch is PluginError {
        }
    }
}

extension Hyperparameter {
    private static let letters = Array("abcXYZ019_.*+?[](){}|^$\\/ \"'äß漢")

    /// Allowed values at the edge of what is allowed, as they are typed.
    fileprivate var extremes: [String] {
        let null = isNullable ? ["null"] : []
        let (low, high) = (minimum.isFinite ? minimum : -1e30, maximum.isFinite ? maximum : 1e30)
        switch type {
        case .boolean: return null + ["true", "false"]
        case .string: return null + (choices.isEmpty ? ["", "a", String(repeating: "漢", count: 1000)] : choices)
        case .integer: return null + [Hyperparameter.integer(low), Hyperparameter.integer(high)]
        case .number: return null + ["\(low)", "\(high)"]
        case .integerList:
            return null + ["[]", "[\(Hyperparameter.integer(low))]", "[\(Hyperparameter.integer(high))]"]
        case .numberList: return null + ["[]", "[\(low)]", "[\(high)]"]
        case .stringList: return null + ["[]"] + (choices.isEmpty ? ["[\"\"]", "[\"a\", \"a\"]"] : choices)
        }
    }

    fileprivate func random(_ random: inout RandomNumbers) -> String {
        if isNullable, Int.random(in: 0..<4, using: &random) == 0 { return "null" }
        func list(_ element: (inout RandomNumbers) -> String) -> String {
            "[" + (0..<Int.random(in: 0...4, using: &random)).map { _ in element(&random) }.joined(separator: ",") + "]"
        }
        switch type {
        case .boolean: return Bool.random(using: &random) ? "true" : "false"
        case .integer: return integer(&random)
        case .number: return number(&random)
        case .string: return text(&random)
        case .integerList: return list(integer)
        case .numberList: return list(number)
        case .stringList: return list { "\"" + text(&$0).filter { !"\"\\".contains($0) } + "\"" }
        }
    }

    /// Between the bounds; mostly small where they are far apart.
    private func number(_ random: inout RandomNumbers) -> String {
        let (low, high) = (max(minimum, -1e6), min(maximum, 1e6))
        guard low < high else { return "\(low)" }
        let width = Bool.random(using: &random) ? min(high - low, 8) : high - low
        return "\(Double.random(in: low...low + width, using: &random))"
    }

    private func integer(_ random: inout RandomNumbers) -> String {
        let (low, high) = (max(minimum, -1e6).rounded(.up), min(maximum, 1e6).rounded(.down))
        guard low < high else { return Hyperparameter.integer(low) }
        let width = Int.random(in: 0..<8, using: &random) > 0 ? min(high - low, 16) : min(high - low, 4096)
        return "\(Int.random(in: Int(low)...Int(low + width), using: &random))"
    }

    private func text(_ random: inout RandomNumbers) -> String {
        if let choice = choices.randomElement(using: &random) { return choice }
        return String(
            (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Hyperparameter.letters.randomElement(using: &random)!
            })
    }

    private static func integer(_ value: Double) -> String {
        String(Int(exactly: value) ?? (value < 0 ? -(1 << 31) : 1 << 31))
    }
}
