import Foundation

/// When this process began, as the kernel knows it.
enum ProcessStart {
    static let date: Date = {
        // Field 22 of /proc/self/stat: clock ticks after boot; the name in field 2 may hold spaces.
        guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 19,
            let ticks = Double(fields[19]),
            let uptimeText = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
            let uptime = uptimeText.split(separator: " ").first.flatMap({ Double($0) })
        else { return Date() }
        return Date(timeIntervalSinceNow: ticks / Double(sysconf(Int32(_SC_CLK_TCK))) - uptime)
    }()
}

/// Ctrl-C and a polite kill end a run after the step at hand.
enum Interrupt {
    nonisolated(unsafe) private static var flag: sig_atomic_t = 0

    static var happened: Bool { flag != 0 }

    static func watch() {
        // Whoever started this process may have blocked them.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                // A second one ends the process at once.
                if Interrupt.flag != 0 { _exit(130) }
                Interrupt.flag = 1
            }
        }
    }
}
