import CHostSupport
import Glibc

/// What loading a library must leave as it was: a constructor in it (or `-ffast-math`, which turns denormals off) could
/// change it for the whole process.
struct ProcessState {
    enum Change: Equatable {
        case floatingPointMode
        case handler(signal: Int)
        case locale
        case workingDirectory
        case threads
        case openFiles

        var text: String {
            switch self {
            case .floatingPointMode: "the floating-point mode"
            case .handler(let signal): "the handler of signal \(signal)"
            case .locale: "the locale"
            case .workingDirectory: "the working directory"
            case .threads: "the number of threads"
            case .openFiles: "the number of open files"
            }
        }
    }

    private let floatControl = host_float_control()
    private let locale = String(cString: setlocale(LC_ALL, nil))
    private let folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    private let folderName = ProcessState.currentFolder
    private let handlers = ProcessState.signalHandlers
    private let threads = ProcessState.entries(of: "/proc/self/task")
    private let files = ProcessState.entries(of: "/proc/self/fd")

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

    private static func entries(of folder: String) -> Int {
        guard let stream = opendir(folder) else { return 0 }
        defer { closedir(stream) }
        var count = 0
        while readdir(stream) != nil { count += 1 }
        return count
    }

    /// Puts back what changed.
    ///
    /// - Returns: what changed; threads and open files are named too, though nobody can take them back.
    func restore() -> [Change] {
        defer { if folder >= 0 { close(folder) } }
        var changed: [Change] = []
        if host_float_control() != floatControl {
            host_set_float_control(floatControl)
            changed.append(.floatingPointMode)
        }
        let now = ProcessState.signalHandlers
        for (index, var old) in handlers.enumerated() where !isEqual(old, now[index]) {
            sigaction(Int32(index + 1), &old, nil)
            changed.append(.handler(signal: index + 1))
        }
        if String(cString: setlocale(LC_ALL, nil)) != locale {
            setlocale(LC_ALL, locale)
            changed.append(.locale)
        }
        if ProcessState.currentFolder != folderName {
            fchdir(folder)
            changed.append(.workingDirectory)
        }
        if ProcessState.entries(of: "/proc/self/task") > threads { changed.append(.threads) }
        if ProcessState.entries(of: "/proc/self/fd") > files { changed.append(.openFiles) }
        return changed
    }

    /// Handler, flags and the mask's 64 signals; the rest of the C library's struct is not set by the kernel.
    private func isEqual(_ a: sigaction, _ b: sigaction) -> Bool {
        func address(_ action: sigaction) -> Int {
            unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        }
        func mask(_ action: sigaction) -> UInt64 {
            withUnsafeBytes(of: action.sa_mask) { $0.loadUnaligned(as: UInt64.self) }
        }
        return address(a) == address(b) && a.sa_flags == b.sa_flags && mask(a) == mask(b)
    }
}
