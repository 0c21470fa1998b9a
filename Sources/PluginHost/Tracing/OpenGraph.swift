import Programs

/// Graphs that a plugin builds. Raw values are the plugin interface's.
enum GraphKind: Int32 {
    case forward = 0, merge, initialize, prelude, regularizer, update, export, importing, calibrate

    var name: String {
        switch self {
        case .initialize: "init"
        case .importing: "import"
        default: "\(self)"
        }
    }

    /// The callbacks in which it may begin.
    func isAllowed(in phase: Trace.Phase) -> Bool {
        switch (self, phase) {
        case (.prelude, .plan), (.initialize, .plan): true
        case (.forward, .inject), (.merge, .inject), (.initialize, .inject): true
        case (.regularizer, .method), (.update, .method), (.export, .method), (.importing, .method),
            (.calibrate, .method):
            true
        default: false
        }
    }

    /// Which numbers of results `end` may give.
    var resultCounts: ClosedRange<Int64> {
        switch self {
        case .forward, .regularizer: 1...1
        case .merge: 1...2
        case .prelude: 1...4096
        case .initialize, .update, .export, .importing, .calibrate: 0...0
        }
    }

    /// Whether the step's inputs and random masks of tokens mean something in it.
    var hasTokens: Bool { self == .forward }
    var allowsRandom: Bool { ![.merge, .export, .importing].contains(self) }
    /// Runs once, so expensive decompositions are welcome.
    var allowsDecompositions: Bool { self == .initialize || self == .merge }
    var setsTensors: Bool { [.initialize, .update, .importing].contains(self) }
}

/// A graph between its begin and its end.
final class OpenGraph {
    /// The most nodes of one graph: an LSTM unrolled over its virtual tokens has some thousand.
    static let maximumNodes = CodingLimits().nodes

    let kind: GraphKind
    /// The number space of its values.
    let space: UInt64
    let builder: GraphBuilder
    /// By the index in a `peft_value`.
    var values: [Value] = []
    /// What `set` was told.
    var assignments: [(target: TraceTensors.Reference, value: Value)] = []
    var exported: [(tensor: ExportMap.Tensor, value: Value, mask: Value?)] = []
    var fields: [(path: String, json: String?, value: Value?, asBoolean: Bool)] = []
    /// Import: the stored tensors read, in the order of the graph's arguments.
    var stored: [String] = []

    init(kind: GraphKind, space: UInt64) {
        self.kind = kind
        self.space = space
        builder = GraphBuilder(scope: kind == .forward ? .tokenLocal : .parameters)
    }
}
