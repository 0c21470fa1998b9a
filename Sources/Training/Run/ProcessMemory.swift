import Foundation

/// What the process and the machine have of memory, in bytes.
package enum ProcessMemory {
    /// The most that was resident so far.
    package static var peak: Int { kilobytes("/proc/self/status", "VmHWM:") }
    package static var resident: Int { kilobytes("/proc/self/status", "VmRSS:") }
    /// What the machine could give without swapping.
    package static var available: Int { kilobytes("/proc/meminfo", "MemAvailable:") }
    package static var total: Int { kilobytes("/proc/meminfo", "MemTotal:") }

    private static func kilobytes(_ file: String, _ name: String) -> Int {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        }
        return 0
    }
}
