import Formats
import Foundation
import Training

/// Numbers as people read them.
enum Numbers {
    static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
    static func fixed(_ value: Double?, _ digits: Int) -> String { value.map { fixed($0, digits) } ?? "–" }

    static func megabytes(_ bytes: Int) -> String {
        "\(Int(ProcessMemory.megabytes(bytes).rounded()).grouped) MB"
    }

    static func text(_ forecast: Forecast) -> String {
        let parts = [
            ("weights", forecast.weights), ("activations", forecast.activations), ("method", forecast.method),
            ("program", forecast.process),
        ].map { "\($0) \(megabytes($1))" }
        return "\(megabytes(forecast.total)) (\(parts.joined(separator: ", ")))"
    }

    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "–" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
