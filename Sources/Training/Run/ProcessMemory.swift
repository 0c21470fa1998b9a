import Foundation

/// What the process and the machine have of memory, in bytes.
package enum ProcessMemory {
    /// The most that was resident so far.
    package static var peak: Int { kilobytes("/proc/self/status", "VmHWM:") }
    /// Resident memory of our own, not of mapped files.
    package static var anonymous: Int { kilobytes("/proc/self/status", "RssAnon:") }
    /// Resident pages of mapped files: the program's code, and weights as far as they were read.
    package static var files: Int { kilobytes("/proc/self/status", "RssFile:") }
    /// What the process may have more without swapping: what the machine could give, or what is left of the control
    /// groups' limits where that is less.
    package static var available: Int {
        groups.map { Swift.max(0, $0.limit - $0.used) }.reduce(kilobytes("/proc/meminfo", "MemAvailable:"), Swift.min)
    }

    /// What the machine has, or the control groups' limit where that is less.
    package static var total: Int {
        groups.map(\.limit).reduce(kilobytes("/proc/meminfo", "MemTotal:"), Swift.min)
    }

    /// To a tenth: MB of 2^20 bytes.
    package static func megabytes(_ bytes: Int) -> Double { (Double(bytes) / 1_048_576 * 10).rounded() / 10 }

    /// The memory controllers (control groups, version 2 or 1) that hold this process, from its own group up, as far as they
    /// have a limit. The page cache of files counts as used there, but is given back when memory is wanted.
    private static var groups: [(limit: Int, used: Int)] {
        let lines = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8))?.split(separator: "\n") ?? []
        return lines.flatMap { line -> [(limit: Int, used: Int)] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[1].isEmpty || fields[1] == "memory" else { return [] }
            let isOld = !fields[1].isEmpty
            return folders(of: fields[2]).compactMap {
                group(in: "/sys/fs/cgroup\(isOld ? "/memory" : "")\($0)", isOld)
            }
        }
    }

    /// A group and those above it, the root last: /a/b, /a and nothing.
    private static func folders(of path: Substring) -> [String] {
        let parts = path.split(separator: "/")
        return (0...parts.count).reversed().map { parts.prefix($0).map { "/\($0)" }.joined() }
    }

    private static func group(in folder: String, _ isOld: Bool) -> (limit: Int, used: Int)? {
        func number(_ name: String) -> Int? {
            (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)).flatMap {
                Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        }
        guard let limit = number(isOld ? "memory.limit_in_bytes" : "memory.max"),
            let used = number(isOld ? "memory.usage_in_bytes" : "memory.current")
        else { return nil }
        let statistics = (try? String(contentsOfFile: folder + "/memory.stat", encoding: .utf8)) ?? ""
        let cached = statistics.split(separator: "\n").first { $0.hasPrefix("inactive_file ") }
        return (limit, used - (cached.flatMap { Int($0.dropFirst("inactive_file ".count)) } ?? 0))
    }

    private static func kilobytes(_ file: String, _ name: String) -> Int {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        }
        return 0
    }
}
