import Engine
import Programs

/// A model's shape with a method at its sites and the task's head: what is declared and what is computed, without any
/// weights. ``AdaptedModel`` adds the tensors.
package struct AdaptedProgram {
    package let configuration: LlamaConfiguration
    package let method: MethodProgram?
    package let task: Task
    /// The method's tensors under the names that they are stored by, then the head.
    package let declarations: [(name: String, declaration: TensorDeclaration)]
    /// The number of the classification head (labels, hidden) in ``declarations``.
    package let head: Int?
    /// Number of the first tensor of each site in ``declarations``; the method's own come before all.
    private let firstOfSite: [Int]

    /// What the method puts in front of every row.
    package let prefix: RowPrefix

    /// What the head is stored as.
    package var headName: String { method?.headName ?? "base_model.model.score.weight" }

    /// - Throws: `ProgramError` where the method's attentions see different numbers of keys in front of a row.
    package init(_ configuration: LlamaConfiguration, method: MethodProgram?, task: Task) throws(ProgramError) {
        prefix = try method?.rowPrefix() ?? RowPrefix()
        self.configuration = configuration
        self.method = method
        self.task = task
        var declarations = method?.storedTensors ?? []
        var next = method?.tensors.count ?? 0
        firstOfSite = (method?.sites ?? []).map { site in
            defer { next += site.tensors.count }
            return next
        }
        head = task.labels > 0 ? declarations.count : nil
        if task.labels > 0 {
            // Hugging Face's initializer_range.
            let score = TensorDeclaration(
                "score.weight", TensorType([Dim(task.labels), Dim(configuration.hiddenSize)]),
                .normal(mean: 0, deviation: 0.02))
            declarations.append((method?.headName ?? "base_model.model.score.weight", score))
        }
        self.declarations = declarations
    }

    /// The number in ``declarations`` of a tensor of a site (nil: the method's own).
    func number(_ site: Int?, _ tensor: Int) -> Int { (site.map { firstOfSite[$0] } ?? 0) + tensor }

    var injector: MethodInjector? { injector(numberedFrom: 0) }

    /// - Parameter first: the number of this model's first tensor in the graph.
    func injector(numberedFrom first: Int) -> MethodInjector? {
        method.map { MethodInjector($0) { first + number($0, $1) } }
    }

    /// What a program of this model computes for a batch.
    package struct Outputs {
        package var hidden: Llama.Hidden
        /// (M, labels) or (M, vocabulary): at each target.
        package var logits: Value
    }

    /// Appends the whole model: base, method, head.
    package func build(in g: GraphBuilder) -> Outputs {
        let llama = Llama(configuration, in: g, sites: injector?.begun(in: g) ?? NoMethod())
        let hidden = llama.hidden()
        let targets = g.input(.targetIndex)
        let logits =
            head.map { g.matmul(g.gather(hidden.last, targets), parameter($0, in: g), transposeB: true) }
            ?? llama.head(hidden.last, at: targets)
        return Outputs(hidden: hidden, logits: logits)
    }

    package func parameter(_ number: Int, in g: GraphBuilder) -> Value {
        g.parameter(number, declarations[number].declaration.type)
    }

    /// How many numbers train.
    package var trainedCount: Int { count(where: \.isTrained) }

    /// How many numbers the tensors hold of which `isCounted` says so.
    package func count(where isCounted: (TensorDeclaration) -> Bool) -> Int {
        declarations.reduce(0) { $0 + (isCounted($1.declaration) ? $1.declaration.type.fixedCount : 0) }
    }
}
