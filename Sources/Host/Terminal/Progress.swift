import Foundation
import Terminal

/// Long work, shown: a live line on a terminal, a plain line now and then elsewhere.
final class Progress {
    private let isTerminal = isatty(FileHandle.standardError.fileDescriptor) != 0
    private let started = Date()
    private var lastShown = Date.distantPast
    private var firstStep: Int?
    private var isLineOpen = false

    func step(_ step: Int, of total: Int, loss: Double, tokensPerSecond: Double) {
        if firstStep == nil { firstStep = step - 1 }
        let left = Date().timeIntervalSince(started) / Double(step - firstStep!) * Double(total - step)
        show(
            step, of: total,
            "step \(step)/\(total)  loss \(Numbers.fixed(loss, 4))  \(Numbers.fixed(tokensPerSecond, 0)) tokens/s  "
                + "\(Numbers.duration(left)) left")
    }

    /// - Parameter text: what there is to say when `done` of `total` parts of the work are.
    func show(_ done: Int, of total: Int, _ text: String) {
        let now = Date()
        guard now.timeIntervalSince(lastShown) >= (isTerminal ? 0.1 : 15) || done == total else { return }
        lastShown = now
        guard isTerminal else { return Message.note(text) }
        let width = 24
        let filled = total > 0 ? width * done / total : width
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        Message.write("\r\u{1B}[K\(bar) \(text)")
        isLineOpen = true
    }

    /// Ends the live line, so that other text can follow.
    func clear() {
        if isLineOpen { Message.write("\r\u{1B}[K") }
        isLineOpen = false
    }
}
