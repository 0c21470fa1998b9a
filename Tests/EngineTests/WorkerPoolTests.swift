import Engine
import Foundation
import Testing

struct WorkerPoolTests {
    /// How many threads this process has.
    private static var threads: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return line.flatMap { Int($0.split(whereSeparator: \.isWhitespace)[1]) } ?? 0
    }

    /// In a process of its own, where no other test starts threads.
    @Test func threadsEndWithTheirPool() async {
        await #expect(processExitsWith: .success) {
            let before = WorkerPoolTests.threads
            do {
                let pools = (0..<8).map { _ in WorkerPool(threads: 4) }
                precondition(WorkerPoolTests.threads == before + 24, "the threads were not counted")
                withExtendedLifetime(pools) {}
            }
            var waited = 0
            while WorkerPoolTests.threads > before, waited < 1000 {
                usleep(10_000)
                waited += 1
            }
            precondition(WorkerPoolTests.threads == before, "\(WorkerPoolTests.threads - before) threads are left over")
        }
    }
}
