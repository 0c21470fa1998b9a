import Formats
import Terminal
import Training

/// The figures of an adapter on labelled rows, for people and programs.
struct EvaluationReport {
    private let measured: MeasuredRows
    private let labels: [String]
    private let groups: [(name: String, rows: [Int])]
    private let bootstrap: Bootstrap
    private let measures: [MeasuredRows.Measure]
    private let all: [Int]
    /// The measures of each resample.
    private let samples: [[Double?]]

    /// - Parameters:
    ///   - labels: names of the classes; empty for language modelling.
    ///   - groups: of each row; nil where it has none.
    init(_ measured: MeasuredRows, labels: [String], groups: [String?], _ bootstrap: Bootstrap) {
        self.measured = measured
        self.labels = labels
        self.bootstrap = bootstrap
        let names = Set(groups.compactMap { $0 }).sorted()
        self.groups = names.map { name in (name, groups.indices.filter { groups[$0] == name }) }
        measures = MeasuredRows.Measure.all(classes: measured.classes)
        all = Array(0..<measured.count)
        samples = bootstrap.samples(of: all.count) { [measures] rows in measures.map { measured.value($0, of: rows) } }
    }

    private func interval(_ place: Int) -> (low: Double, high: Double)? {
        Bootstrap.interval(samples.map { $0[place] })
    }

    private func gap(_ measure: MeasuredRows.Measure) -> Double? {
        let values = groups.compactMap { measured.value(measure, of: $0.rows) }
        return values.count > 1 ? values.max()! - values.min()! : nil
    }

    /// (C, C): `[label][prediction]`; nil for language modelling.
    private var confusion: [[Int]]? {
        guard measured.classes > 0 else { return nil }
        return Classification.confusion(
            labels: measured.labels, predictions: Classification.predictions(scores: measured.logits),
            classes: measured.classes)
    }

    // MARK: For programs

    var members: [JSON.Member] {
        var members: [JSON.Member] = [.init("rows", .integer(Int64(all.count)))]
        members += measures.map { .init($0.rawValue, number(measured.value($0, of: all))) }
        let intervals = measures.enumerated().compactMap { place, measure in
            interval(place).map { JSON.Member(measure.rawValue, [.number($0.low), .number($0.high)]) }
        }
        if !intervals.isEmpty { members.append(.init("intervals", .object(intervals))) }
        if let confusion {
            let counts = confusion.map { JSON.array($0.map { .integer(Int64($0)) }) }
            members.append(
                .init("confusion", ["labels": .array(labels.map(JSON.string)), "counts": .array(counts)]))
            let bins = Classification.reliability(
                labels: measured.labels, probabilities: Classification.softmax(measured.logits))
            members.append(
                .init(
                    "reliability",
                    .array(
                        bins.map {
                            [
                                "rows": .integer(Int64($0.rows)), "accuracy": .number($0.accuracy),
                                "confidence": .number($0.confidence),
                            ]
                        })))
        }
        guard !groups.isEmpty else { return members }
        let each = groups.map { group in
            JSON.Member(
                group.name,
                .object(
                    [.init("rows", .integer(Int64(group.rows.count)))]
                        + measures.map { .init($0.rawValue, number(measured.value($0, of: group.rows))) }))
        }
        members.append(.init("groups", .object(each)))
        members.append(.init("gap", .object(measures.map { .init($0.rawValue, number(gap($0))) })))
        return members
    }

    // MARK: For people

    var lines: [String] {
        var rows = [["rows", "\(all.count)", ""]]
        for (place, measure) in measures.enumerated() {
            guard let value = measured.value(measure, of: all) else { continue }
            rows.append([measure.rawValue, Numbers.fixed(value, 4), EvaluationReport.text(interval(place))])
        }
        var lines = Columns.lines(rows, width: nil)
        if let confusion {
            lines.append("")
            let head = ["", "predicted:"] + labels.dropFirst().map { _ in "" }
            let table = zip(labels, confusion).map { [$0] + $1.map(String.init) }
            lines += Columns.lines([head, ["label"] + labels] + table, width: nil)
        }
        guard !groups.isEmpty else { return lines }
        lines.append("")
        let table = groups.map { group in
            [group.name, "\(group.rows.count)"]
                + measures.map { Numbers.fixed(measured.value($0, of: group.rows), 4) }
        }
        let gaps = ["gap", ""] + measures.map { Numbers.fixed(gap($0), 4) }
        return lines
            + Columns.lines([["group", "rows"] + measures.map(\.rawValue)] + table + [gaps], width: nil)
    }

    private static func text(_ interval: (low: Double, high: Double)?) -> String {
        interval.map { "(\(Numbers.fixed($0.low, 4)) to \(Numbers.fixed($0.high, 4)))" } ?? ""
    }

    private func number(_ value: Double?) -> JSON { value.map(JSON.number) ?? .null }

    // MARK: Against another

    /// By how much the figures here are above those of another model on the same rows.
    struct Difference {
        fileprivate var measures: [(name: String, value: Double?, interval: (low: Double, high: Double)?, p: Double?)]
        /// McNemar's exact test of what is right; nil for language modelling.
        fileprivate var mcNemar: Double?

        var json: JSON {
            func number(_ value: Double?) -> JSON { value.map(JSON.number) ?? .null }
            let all = measures.map { measure in
                JSON.Member(
                    measure.name,
                    [
                        "difference": number(measure.value),
                        "interval": measure.interval.map { [.number($0.low), .number($0.high)] } ?? .null,
                        "p": number(measure.p),
                    ])
            }
            return .object(all + (mcNemar.map { [.init("mcnemar_p", .number($0))] } ?? []))
        }

        var lines: [String] {
            let rows = measures.compactMap { measure -> [String]? in
                guard let value = measure.value else { return nil }
                return [
                    measure.name, (value > 0 ? "+" : "") + Numbers.fixed(value, 4),
                    EvaluationReport.text(measure.interval), measure.p.map { "p \(Numbers.fixed($0, 3))" } ?? "",
                ]
            }
            return Columns.lines(rows, width: nil)
                + (mcNemar.map { ["McNemar's exact test: p \(Numbers.fixed($0, 3))"] } ?? [])
        }
    }

    func difference(to other: MeasuredRows) -> Difference {
        let others = bootstrap.samples(of: all.count) { rows in measures.map { other.value($0, of: rows) } }
        func minus(_ a: Double?, _ b: Double?) -> Double? { a.flatMap { a in b.map { a - $0 } } }
        let differences = measures.enumerated().map { place, measure in
            let resampled = zip(samples, others).map { minus($0[place], $1[place]) }
            return (
                name: measure.rawValue, value: minus(measured.value(measure, of: all), other.value(measure, of: all)),
                interval: Bootstrap.interval(resampled), p: Bootstrap.twoSided(resampled)
            )
        }
        guard measured.classes > 0 else { return Difference(measures: differences, mcNemar: nil) }
        func right(_ rows: MeasuredRows) -> [Bool] {
            zip(rows.labels, Classification.predictions(scores: rows.logits)).map { $0 == $1 }
        }
        let pairs = zip(right(measured), right(other))
        return Difference(
            measures: differences,
            mcNemar: Classification.mcNemar(
                onlyFirst: pairs.count { $0 && !$1 }, onlySecond: pairs.count { !$0 && $1 }))
    }
}
