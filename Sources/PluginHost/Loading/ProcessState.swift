import CHostSupport
import Glibc

/// What a library must leave as it was: a constructor in it (or `-ffast-math`, which turns denormals off) could change it
/// for the whole process.
package struct ProcessState {
    /// One thing of a process that is not a library's to change.
    package enum Part: String, CaseIterable, Sendable {
        case floatingPoint = "floating-point"
        case signalHandlers = "signal-handlers"
        case signalMask = "signal-mask"
        case locale, folder, creationMask = "umask", environment, timers, limits, threads, files

        /// For people.
        package var words: String {
            switch self {
            case .floatingPoint: "the floating-point mode"
            case .signalHandlers: "signal handlers"
            case .signalMask: "the mask of blocked signals"
            case .locale: "the locale"
            case .folder: "the working directory"
            case .creationMask: "the file mode creation mask"
            case .environment: "the environment"
            case .timers: "alarm timers"
            case .limits: "resource limits"
            case .threads: "the number of threads"
            case .files: "the number of open files"
            }
        }
    }

    private let floatControl = host_float_control()
    private let locale = String(cString: setlocale(LC_ALL, nil))
    private let folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    private let folderName = ProcessState.currentFolder
    private let handlers = ProcessState.signalHandlers
    private let mask = ProcessState.signalMask
    private let creationMask = ProcessState.currentCreationMask
    private let environment = ProcessState.currentEnvironment
    private let timers = ProcessState.currentTimers
    private let limits = ProcessState.currentLimits
    private let threads = ProcessState.entries(of: "/proc/self/task")
    private let files = ProcessState.entries(of: "/proc/self/fd")

    package init() {}

    /// Puts back what changed, as far as that can be.
    ///
    /// - Returns: what changed; threads and open files too, though nobody can take them back.
    package func restore() -> [Part] {
        defer { if folder >= 0 { close(folder) } }
        var changed: [Part] = []
        if host_float_control() != floatControl {
            host_set_float_control(floatControl)
            changed.append(.floatingPoint)
        }
        let now = ProcessState.signalHandlers
        for (index, var old) in handlers.enumerated() where !isEqual(old, now[index]) {
            sigaction(Int32(index + 1), &old, nil)
            if changed.last != .signalHandlers { changed.append(.signalHandlers) }
        }
        if ProcessState.bits(ProcessState.signalMask) != ProcessState.bits(mask) {
            var old = mask
            pthread_sigmask(SIG_SETMASK, &old, nil)
            changed.append(.signalMask)
        }
        if String(cString: setlocale(LC_ALL, nil)) != locale {
            setlocale(LC_ALL, locale)
            changed.append(.locale)
        }
        if ProcessState.currentFolder != folderName {
            fchdir(folder)
            changed.append(.folder)
        }
        if ProcessState.currentCreationMask != creationMask {
            umask(creationMask)
            changed.append(.creationMask)
        }
        if ProcessState.currentEnvironment != environment {
            clearenv()
            for entry in environment {
                guard let split = entry.firstIndex(of: "=") else { continue }
                setenv(String(entry[..<split]), String(entry[entry.index(after: split)...]), 1)
            }
            changed.append(.environment)
        }
        if ProcessState.currentTimers != timers {
            var off = itimerval()
            for which in ProcessState.timerKinds { setitimer(which, &off, nil) }
            changed.append(.timers)
        }
        if ProcessState.currentLimits != limits { changed.append(.limits) }
        if ProcessState.entries(of: "/proc/self/task") > threads { changed.append(.threads) }
        if ProcessState.entries(of: "/proc/self/fd") > files { changed.append(.files) }
        return changed
    }

    private static var currentFolder: String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }

    private static var signalHandlers: [sigaction] {
        (Int32(1)..<65).map { signal in
            var action = sigaction()
            sigaction(signal, nil, &action)
            return action
        }
    }

    private static var signalMask: sigset_t {
        var mask = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &mask)
        return mask
    }

    private static func bits(_ mask: sigset_t) -> UInt64 {
        withUnsafeBytes(of: mask) { $0.loadUnaligned(as: UInt64.self) }
    }

    /// There is no way to read it but to set it.
    private static var currentCreationMask: mode_t {
        let mask = umask(0o77)
        umask(mask)
        return mask
    }

    private static var currentEnvironment: [String] {
        var entries: [String] = []
        // NULL when somebody has cleared it.
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
        while let entry = next?.pointee {
            entries.append(String(cString: entry))
            next = next?.advanced(by: 1)
        }
        return entries
    }

    private static let timerKinds = [ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF].map { __itimer_which_t($0.rawValue) }

    /// Which of the process's timers are set.
    private static var currentTimers: [Bool] {
        timerKinds.map { which in
            var timer = itimerval()
            getitimer(which, &timer)
            return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0
        }
    }

    /// Soft and hard limits of all the kernel's resources.
    private static var currentLimits: [rlim_t] {
        (UInt32(0)..<16).flatMap { resource in
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(resource), &limit)
            return [limit.rlim_cur, limit.rlim_max]
        }
    }

    private static func entries(of folder: String) -> Int {
        guard let stream = opendir(folder) else { return 0 }
        defer { closedir(stream) }
        var count = 0
        while readdir(stream) != nil { count += 1 }
        return count
    }

    /// Handler, flags and the mask's 64 signals; the rest of the C library's struct is not set by the kernel.
    private func isEqual(_ a: sigaction, _ b: sigaction) -> Bool {
        func address(_ action: sigaction) -> Int {
            unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        }
        return address(a) == address(b) && a.sa_flags == b.sa_flags
            && ProcessState.bits(a.sa_mask) == ProcessState.bits(b.sa_mask)
    }
}
