import Foundation
import Formats
import PluginHost
import Programs
import Testing

/// AdaLoRA's graphs over the whole method, in float64, on the tiny model: four matrices.
@Suite struct AdaLoRATests {
    private static func plugin() throws -> LoadedPlugin {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try LoadedPlugin.load(PluginLibrary(path: folder.appending(path: "libAdaLoRA.so").path))
    }

    private static func program(_ options: [String: String], totalSteps: Int? = 60) throws -> MethodProgram {
        let plugin = try plugin()
        var settings = try Settings(plugin.description, options: options.map { ($0, $1) })
        if let totalSteps { settings.derive("total_step", .integer(totalSteps)) }
        return try method(plugin, settings)
    }

    private static func method(_ plugin: LoadedPlugin, _ settings: Settings) throws -> MethodProgram {
        try trace(plugin, settings, model: TinyModel.description, sites: TinyModel.sites, task: "SEQ_CLS", labels: 2)
    }

    /// Values of all tensors, and an update that runs on them.
    private struct Run {
        let program: MethodProgram
        var values: [Tensor64]
        private var state: UInt64 = 1

        init(_ program: MethodProgram) {
            self.program = program
            values = program.storedTensors.map { tensor in
                let shape = tensor.declaration.type.shape.map(\.code)
                return Tensor64(shape, filledWith: tensor.declaration.initializer == .ones ? 1 : 0)
            }
        }

        func numbers(_ suffix: String) -> [Int] {
            program.storedTensors.indices.filter { program.storedTensors[$0].name.hasSuffix(suffix) }
        }

        mutating func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 33) / Double(1 << 31) * 2 - 1
        }

        /// New values for what trains, and gradients.
        mutating func draw() -> [Tensor64] {
            values.indices.map { number in
                let isTrained = program.storedTensors[number].declaration.isTrained
                if isTrained {
                    for element in values[number].values.indices { values[number].values[element] = random() }
                }
                return Tensor64(values[number].shape, values[number].values.map { _ in random() })
            }
        }

        mutating func update(step: Int) throws {
            let gradients = draw()
            let update = try #require(program.update)
            let results = try Evaluator.run(program.graphs[update.graph]) { [values] node throws(ProgramError) in
                let number = node.attributes.integers[0]
                switch node.op {
                case .parameter: return values[number]
                case .argument: return gradients[number]
                default:
                    guard StepInput(rawValue: number) == .step else { throw ProgramError("what is \(node.op.name)?") }
                    return .scalar(Double(step))
                }
            }
            for (target, result) in zip(update.targets, results) { values[target] = result }
        }

        var nonzero: Int { numbers(".lora_E").reduce(0) { $0 + values[$1].values.count { $0 != 0 } } }
    }

    /// The budgets that peft 0.21 was seen to allocate with these settings; between its steps all that was masked grows again.
    @Test func budgets() throws {
        var run = Run(
            try Self.program(["init_r": "6", "target_r": "2", "tinit": "10", "tfinal": "20", "deltaT": "5"]))
        let budgets = [15: 17, 20: 12, 25: 10, 30: 8, 35: 8]
        var final: [Tensor64] = []
        for step in 0..<60 {
            try run.update(step: step)
            #expect(run.nonzero == (step < 40 ? budgets[step] ?? 24 : 8), "step \(step)")
            let kept = run.numbers(".kept").map { run.values[$0] }
            if step == 40 { final = kept }
            if step > 40 { #expect(kept == final, "step \(step)") }
            let finished = run.values[run.numbers("base_model.finished")[0]]
            #expect(finished.values == [step == 59 ? 1 : 0])
            let averages = (run.numbers(".importance") + run.numbers(".uncertainty")).flatMap { run.values[$0].values }
            #expect(averages.contains { $0 != 0 } == (step < 40), "step \(step)")
        }
    }

    /// Three steps by the formula of the paper, element by element; the third allocates.
    @Test func theBestTripletsAreKept() throws {
        var run = Run(try Self.program(["init_r": "3", "target_r": "1", "tinit": "1"], totalSteps: 3))
        let (A, B, E) = (run.numbers(".lora_A"), run.numbers(".lora_B"), run.numbers(".lora_E"))
        var averages: [Int: [(mean: Double, deviation: Double)]] = [:]
        for step in 0..<3 {
            var copy = run
            let gradients = copy.draw()
            for number in A + B + E {
                var own = averages[number] ?? copy.values[number].values.map { _ in (0, 0) }
                for (element, value) in copy.values[number].values.enumerated() {
                    let importance = abs(value * gradients[number].values[element])
                    own[element].mean = 0.85 * own[element].mean + 0.15 * importance
                    own[element].deviation =
                        0.85 * own[element].deviation + 0.15 * abs(importance - own[element].mean)
                }
                averages[number] = own
            }
            try run.update(step: step)
        }
        func score(_ number: Int, _ element: Int) -> Double {
            averages[number]![element].mean * averages[number]![element].deviation
        }
        var scores: [Double] = []
        for site in E.indices {
            let (inputs, outputs) = (8, run.values[B[site]].shape[0])
            for k in 0..<3 {
                let ofA = (0..<inputs).map { score(A[site], k * inputs + $0) }.reduce(0, +) / Double(inputs)
                let ofB = (0..<outputs).map { score(B[site], $0 * 3 + k) }.reduce(0, +) / Double(outputs)
                scores.append(score(E[site], k) + ofA + ofB)
            }
        }
        // Step 2 of 3, one of two behind tinit: 4 + (12 − 4) / 8 of 12.
        let least = scores.sorted()[12 - 5]
        let kept = E.flatMap { run.values[$0].values.map { $0 != 0 } }
        #expect(kept == scores.map { $0 >= least })
    }

    @Test func nothingToPrune() throws {
        var run = Run(try Self.program(["init_r": "3", "target_r": "3"], totalSteps: 5))
        for step in 0..<5 {
            try run.update(step: step)
            #expect(run.nonzero == 12)
        }
    }

    /// Also where a matrix is orthogonal, so that its norm has a corner.
    @Test(arguments: [false, true]) func gradientOfTheRegularizer(isOrthogonal: Bool) throws {
        let program = try Self.program(["init_r": "2", "target_r": "1"])
        var run = Run(program)
        _ = run.draw()
        let A = run.numbers(".lora_A")[0]
        if isOrthogonal { run.values[A] = Tensor64([2, 8], (0..<16).map { $0 == 3 || $0 == 8 ? 1 : 0 }) }
        let g = GraphBuilder()
        let value = g.inline(program.graphs[try #require(program.regularizer)]) { _, _ in nil }
        let sources = run.numbers(".lora_A") + run.numbers(".lora_B")
        let gradients = g.gradients(
            of: value[0], by: sources.map { g.parameter($0, program.storedTensors[$0].declaration.type) })
        let graph = try g.finish(value + gradients.map { try #require($0) })
        func evaluate(_ values: [Tensor64]) throws -> [Tensor64] {
            try Evaluator.run(graph) { values[$0.attributes.integers[0]] }
        }
        let results = try evaluate(run.values)
        // By hand: ½ · mean ‖AAᵀ − I‖, ‖BᵀB − I‖.
        var norms: [Double] = []
        for (number, isA) in run.numbers(".lora_A").map({ ($0, true) }) + run.numbers(".lora_B").map({ ($0, false) }) {
            let (m, values) = (run.values[number], run.values[number].values)
            let length = isA ? m.shape[1] : m.shape[0]
            func at(_ k: Int, _ i: Int) -> Double { isA ? values[k * length + i] : values[i * 2 + k] }
            var sum = 0.0
            for k in 0..<2 {
                for l in 0..<2 {
                    let product = (0..<length).reduce(0.0) { $0 + at(k, $1) * at(l, $1) }
                    sum += (product - (k == l ? 1 : 0)) * (product - (k == l ? 1 : 0))
                }
            }
            norms.append(sum.squareRoot())
        }
        #expect(abs(results[0].values[0] - 0.5 * norms.reduce(0, +) / 8) < 1e-12)
        let h = 1e-5
        for (place, number) in sources.enumerated() {
            for element in run.values[number].values.indices {
                if isOrthogonal, number == A {
                    #expect(results[place + 1].values[element] == 0)
                    continue
                }
                func moved(_ by: Double) throws -> Double {
                    var values = run.values
                    values[number].values[element] += by
                    return try evaluate(values)[0].values[0]
                }
                let difference = (try moved(h) - moved(-h)) / (2 * h)
                #expect(abs(results[place + 1].values[element] - difference) < 1e-8, "\(number) \(element)")
            }
        }
    }

    @Test func impossibleSchedules() throws {
        for (options, part) in [
            (["tinit": "40", "tfinal": "20"], "leave no step of total_step 60"),
            (["init_r": "2"], "target_r 8.0 is more than init_r 2"),
        ] {
            let error = #expect(throws: PluginError.self) { try Self.program(options) }
            #expect(error?.message.contains(part) == true, "\(error!)")
        }
        let error = #expect(throws: PluginError.self) { try Self.program([:], totalSteps: nil) }
        #expect(error?.place == "total_step" && error?.message.contains("has no value") == true)
        #expect(throws: Never.self) { try Self.program(["total_step": "9"], totalSteps: nil) }
    }

    /// A pruned adapter: ranks as `rank_pattern` says, by lists or numbers, none included; the scale's is init_r for ever.
    @Test func storedRanks() throws {
        let plugin = try Self.plugin()
        let config: JSON = [
            "peft_type": "ADALORA", "init_r": 3, "target_r": 1, "total_step": 9, "r": 8, "lora_alpha": 6,
            "rank_pattern": [
                "model.layers.0.self_attn.q_proj.lora_E": [true, false, true],
                "model.layers.0.self_attn.v_proj.lora_E": [false, false, false],
                "model.layers.1.self_attn.q_proj.lora_E": 1,
            ],
        ]
        let settings = try importSettings(
            plugin, config: config, place: "config", tensors: [], model: TinyModel.description, task: "SEQ_CLS",
            labels: 2)
        let program = try Self.method(plugin, settings)
        try program.verify()
        let shapes = program.storedTensors.filter { $0.name.hasSuffix("lora_A") }.map {
            $0.declaration.type.shape.map(\.code)
        }
        #expect(shapes == [[2, 8], [0, 8], [1, 8], [3, 8]])
        let forward = program.graphs[program.sites[0].forward]
        #expect(forward.nodes.contains { $0.op == .constant && $0.attributes.scalars == [6 / (3 + 1e-5)] })
    }
}
