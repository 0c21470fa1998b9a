import Foundation

/// Numbers of one kind from several seeds.
package struct Sample: Equatable, Sendable {
    package let values: [Double]

    /// Values that are there.
    package init(_ values: [Double?]) { self.values = values.compactMap { $0 } }

    package var mean: Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }

    /// With n − 1 in the denominator; nil for fewer than two.
    package var deviation: Double? {
        guard values.count > 1, let mean else { return nil }
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// Half the width of the 95 % interval of the mean: t(0.975, n − 1) · s / √n (Student 1908).
    package var halfInterval: Double? {
        guard let deviation else { return nil }
        return Sample.studentQuantile(freedom: values.count - 1) * deviation / Double(values.count).squareRoot()
    }

    /// The 0.975 quantile of Student's t: the printed table, and from 31 degrees of freedom on the first terms of its
    /// expansion about the normal quantile z (Abramowitz and Stegun 1964, 26.7.5).
    package static func studentQuantile(freedom: Int) -> Double {
        let table = [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
            2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
        ]
        guard freedom > table.count else { return table[Swift.max(freedom, 1) - 1] }
        let (z, n) = (1.959964, Double(freedom))
        return z + (pow(z, 3) + z) / (4 * n) + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * n * n)
    }

    /// `0.9320 ± 0.0110`; without an interval the mean alone, without values a dash.
    package func text(digits: Int) -> String {
        guard let mean else { return "–" }
        let interval = halfInterval.map { " ± " + String(format: "%.\(digits)f", $0) } ?? ""
        return String(format: "%.\(digits)f", mean) + interval
    }
}
