import ArgumentParser
import Formats
import Foundation
import Generation
import Models
import Terminal

struct Chat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talk with a base or an adapter.",
        discussion: """
            Each line is a turn; /new begins another conversation, /adapter NAME lets another adapter go on with this one, /exit \
            or the end of input ends. Where the conversation is longer than the context, its oldest turns are forgotten.
            """)

    @OptionGroup var source: ModelOptions
    @Option(help: "What the model is told before the first turn.") var system: String?
    @OptionGroup var generation: GenerationOptions

    func run() throws {
        let choice = try source.writers()
        var member = 0
        let tokenizer = try choice.model.model.tokenizer()
        let prompts = try Prompts(tokenizer, isChat: true)
        let writer = try Writer(choice.model, tokenizer, longest: .max, pool: source.threads.pool())
        let first = system.map { [Prompts.message("system", $0)] } ?? []
        var turns: [JSON] = []
        // An answer has a quarter of the context at least.
        let room = writer.context - Swift.min(generation.maxNewTokens, writer.context / 4)
        while let line = next() {
            switch line {
            case "": continue
            case "/exit": return
            case "/new":
                turns = []
                continue
            case _ where line.hasPrefix("/adapter"):
                let name = line.dropFirst("/adapter".count).trimmingCharacters(in: .whitespaces)
                if let number = choice.names.firstIndex(of: name) {
                    member = number
                } else {
                    Message.warn("/adapter NAME: \(choice.names.joined(separator: ", "))")
                }
                continue
            default: turns.append(Prompts.message("user", line))
            }
            var ids = try prompts.tokens(of: first + turns)
            while ids.count > room, turns.count > 2 {
                turns.removeFirst(2)
                ids = try prompts.tokens(of: first + turns)
            }
            guard ids.count <= room else {
                Message.warn("this turn has \(ids.count) tokens, more than the \(room) that there is room for")
                turns.removeLast()
                continue
            }
            var options = generation.options()
            options.sampling.seed &+= UInt64(turns.count)
            let answer = try writer.write(after: Prompt(ids, member: member), options, show: Output.text)
            Output.text("\n")
            turns.append(Prompts.message("assistant", answer.text))
        }
    }

    private func next() -> String? {
        if isatty(STDIN_FILENO) != 0, isatty(STDERR_FILENO) != 0 { Message.write("> ") }
        return StandardInput.line().map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}
