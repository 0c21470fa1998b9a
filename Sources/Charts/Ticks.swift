import Foundation

/// Round numbers along an axis: 1, 2 or 5 times a power of ten apart.
package struct Ticks: Equatable, Sendable {
    package let values: [Double]
    /// Digits behind the point that tell the values apart.
    package let digits: Int

    /// Ticks that enclose the range, so that every point lies between the first and the last.
    ///
    /// - Parameters:
    ///   - most: steps at most.
    ///   - wholeNumbers: nothing finer than 1.
    package init(around range: ClosedRange<Double>, most: Int, wholeNumbers: Bool = false) {
        let width = range.upperBound - range.lowerBound
        // A range of one number gets a step on either side.
        let span = width > 0 ? width : Swift.max(abs(range.lowerBound) * 0.1, 1e-6)
        var step = Ticks.step(atLeast: span / Double(most))
        if wholeNumbers { step = Swift.max(step, 1) }
        var first = (range.lowerBound / step).rounded(.down)
        var last = (range.upperBound / step).rounded(.up)
        if first == last { (first, last) = (first - 1, last + 1) }
        values = (0...Int(last - first)).map { (first + Double($0)) * step }
        digits = Swift.max(0, -Int(log10(step).rounded(.down)))
    }

    /// The smallest of 1, 2, 5, 10, … times a power of ten that is not smaller.
    private static func step(atLeast least: Double) -> Double {
        let power = pow(10, log10(least).rounded(.down))
        return [1, 2, 5, 10].map { $0 * power }.first { $0 >= least * (1 - 1e-9) } ?? 10 * power
    }

    package func label(_ value: Double) -> String { String(format: "%.\(digits)f", value) }
}
