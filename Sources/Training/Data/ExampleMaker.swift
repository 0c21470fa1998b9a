import Formats
import Models
import Programs
import Text

/// Turns the rows of data files into examples: tokens, labels, and what the loss asks for.
package struct ExampleMaker {
    private let tokenizer: Tokenizer
    /// The model's, read when the first row has messages.
    private var template: ChatTemplate?
    /// A row has at most this many tokens.
    package let maximumLength: Int
    /// Whether a longer row is cut, or refused.
    private let truncates: Bool
    /// How many rows were cut so far.
    package private(set) var truncated = 0
    /// Where each row's features are; nil: rows have none.
    package private(set) var features: Features?

    /// For a model's own tokenizer and context.
    ///
    /// - Parameters:
    ///   - maximumLength: tokens of a row at most; no more than the context, which nil stands for.
    ///   - prefix: what a method puts in front of every row, which takes its part of the context.
    ///   - features: where each row's are.
    /// - Throws: errors of reading the tokenizer.
    package init(
        _ model: Model, maximumLength: Int?, behind prefix: RowPrefix = RowPrefix(), truncates: Bool,
        features: Features? = nil
    ) throws {
        let context = Swift.max(model.configuration.context - prefix.count, 1)
        self.init(
            try model.tokenizer(), maximumLength: Swift.min(maximumLength ?? context, context), truncates: truncates)
        self.features = features
    }

    /// - Parameter truncates: whether a longer row is cut, or refused.
    package init(_ tokenizer: Tokenizer, maximumLength: Int, truncates: Bool) {
        self.tokenizer = tokenizer
        self.maximumLength = maximumLength
        self.truncates = truncates
    }

    // MARK: Classification

    /// The names of the labels of the training rows, in the order of their numbers (sorted as Python sorts strings).
    package static func labels(of rows: [DataSource.Row]) throws -> [String] {
        var names: Set<String> = []
        for row in rows { names.insert(try label(row)) }
        guard names.count > 1 else {
            throw TrainingError(
                "all training rows have the label \"\(names.first ?? "")\"", place: rows.first?.place ?? "",
                remedy: "a classifier needs rows of at least two classes")
        }
        return names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }

    /// A row with the columns text and label: the last token's output is to tell the label.
    package mutating func classification(_ row: DataSource.Row, labels: [String]) throws -> Example {
        let name = try ExampleMaker.label(row)
        guard let label = labels.firstIndex(of: name) else {
            throw TrainingError(
                "the label \"\(name)\" is not among those of the training rows: \(labels.joined(separator: ", "))",
                place: row.place)
        }
        var example = try unlabelled(row)
        example.label = Int32(label)
        return example
    }

    /// A row with the column text, whose label is to be told.
    package mutating func unlabelled(_ row: DataSource.Row) throws -> Example {
        var example = Example(tokens: try encode(try text(row, "text"), row), label: 0)
        example.features = try features?.matrix(of: row)
        return example
    }

    private static func label(_ row: DataSource.Row) throws -> String {
        switch row.record["label"] {
        case .string(let name) where !name.isEmpty: return name
        case .integer(let number): return String(number)
        case .bool(let value): return String(value)
        case nil:
            throw TrainingError(
                "there is no \"label\"", place: row.place, remedy: "seq-cls needs the columns text and label")
        default: throw TrainingError("the label is empty or not a name", place: row.place)
        }
    }

    // MARK: Language modelling

    /// A row with messages (learned: the assistant's turns), with prompt and completion (learned: the completion and the
    /// end-of-sequence token behind it), or with text (learned: every token).
    package mutating func language(_ row: DataSource.Row) throws -> Example {
        if row.record["messages"] != nil { return try conversation(row) }
        if row.record["prompt"] != nil || row.record["completion"] != nil {
            guard let end = tokenizer.eosID else {
                throw TrainingError(
                    "the model has no token that ends a \"completion\"", place: row.place,
                    remedy: "give prompt and completion as one \"text\"")
            }
            let prompt = tokenizer.encode(beginning: try text(row, "prompt", mayBeEmpty: true))
            let completion = tokenizer.encode(try text(row, "completion"), addSpecialTokens: false) + [end]
            return try example(prompt + completion, prompt.map { _ in false } + completion.map { _ in true }, row)
        }
        let tokens = try encode(try text(row, "text"), row)
        return try example(tokens, tokens.map { _ in true }, row)
    }

    private mutating func conversation(_ row: DataSource.Row) throws -> Example {
        guard let messages = row.record["messages"]?.array, !messages.isEmpty else {
            throw TrainingError("\"messages\" is not a list of messages", place: row.place)
        }
        for message in messages where message["role"]?.string == nil || message["content"] == nil {
            throw TrainingError("a message has no role or no content", place: row.place)
        }
        if template == nil {
            guard let source = tokenizer.chatTemplate else {
                throw TrainingError(
                    "the model has no chat template for \"messages\"", place: row.place,
                    remedy: "use prompt and completion instead")
            }
            template = try ChatTemplate(source: source)
        }
        func token(_ id: Int32?) throws -> String? { try id.map { try tokenizer.token($0) } }
        let turns: ChatTurns
        do {
            turns = try template!.renderTurns(
                messages: messages, bosToken: token(tokenizer.bosID), eosToken: token(tokenizer.eosID))
        } catch let error as ChatTemplateError {
            throw TrainingError(error.description, place: row.place)
        }
        guard !turns.assistant.isEmpty else {
            throw TrainingError("no message is the assistant's: there is nothing to learn", place: row.place)
        }
        // Encoded piece by piece, so that no token is half the assistant's.
        var (tokens, isTarget): ([Int32], [Bool]) = ([], [])
        let bytes = Array(turns.text.utf8)
        var end = 0
        func add(_ range: Range<Int>, _ wanted: Bool) {
            guard !range.isEmpty else { return }
            let piece = tokenizer.encode(String(decoding: bytes[range], as: UTF8.self), addSpecialTokens: false)
            tokens += piece
            isTarget += piece.map { _ in wanted }
        }
        for range in turns.assistant {
            add(end..<range.lowerBound, false)
            add(range, true)
            end = range.upperBound
        }
        add(end..<bytes.count, false)
        return try example(tokens, isTarget, row)
    }

    private mutating func example(_ tokens: [Int32], _ isTarget: [Bool], _ row: DataSource.Row) throws -> Example {
        let fitted = try fit(tokens, row)
        var example = Example(tokens: fitted, isTarget: Array(isTarget.prefix(fitted.count)))
        example.features = try features?.matrix(of: row)
        guard example.targetCount > 0 else {
            throw TrainingError(
                "nothing of the row is left to predict", place: row.place,
                remedy: "make the row longer, or --max-length larger")
        }
        return example
    }

    // MARK: Text

    /// What a row has in a column, which must be there.
    package func text(_ row: DataSource.Row, _ column: String, mayBeEmpty: Bool = false) throws -> String {
        guard let value = row.record[column] else {
            throw TrainingError(
                "there is no \"\(column)\"", place: row.place,
                remedy: "the columns are \(row.record.values.keys.sorted().joined(separator: ", "))")
        }
        guard let text = value.string else { throw TrainingError("\"\(column)\" is not a text", place: row.place) }
        guard mayBeEmpty || !text.isEmpty else { throw TrainingError("\"\(column)\" is empty", place: row.place) }
        return text
    }

    /// The tokens of a text, special ones included, cut to the longest length allowed. As transformers does it, the text
    /// is cut and the special tokens stay.
    package mutating func encode(_ text: String, _ row: DataSource.Row) throws -> [Int32] {
        let (tokens, count) = tokenizer.encode(text, limit: maximumLength)
        try checkLength(count, row)
        return tokens
    }

    private mutating func fit(_ tokens: [Int32], _ row: DataSource.Row) throws -> [Int32] {
        try checkLength(tokens.count, row)
        return Array(tokens.prefix(maximumLength))
    }

    private mutating func checkLength(_ count: Int, _ row: DataSource.Row) throws {
        guard count > 0 else { throw TrainingError("the row has no tokens", place: row.place) }
        guard count > maximumLength else { return }
        guard truncates else {
            throw TrainingError(
                "the row has \(count) tokens, more than \(maximumLength)", place: row.place,
                remedy: "leave --no-truncate out, or make --max-length larger")
        }
        truncated += 1
    }
}
