import PluginHost

/// Hyperparameters that make a stranger's plugin small enough for a toy model, and those that make it compute something
/// else.
package enum SmallSettings {
    package typealias Options = [(name: String, text: String)]

    /// A small value for everything that the user must give and did not. Not 1: the softmax of a single key is constant.
    package static func required(of plugin: PluginDescription, given: Options) -> Options {
        plugin.hyperparameters.filter { item in item.isRequired && !given.contains { $0.name == item.name } }
            .map { ($0.name, $0.smallValue(2)) }
    }

    /// What differs from the defaults in one hyperparameter: a switch turned, another choice, a count or a share
    /// (a dropout) that is 0 made more. Not all of them need be possible.
    package static func variants(of plugin: PluginDescription, given: Options) -> [Options] {
        let others = plugin.hyperparameters.filter { item in !given.contains { $0.name == item.name } }
        return others.flatMap { item -> [Options] in
            switch (item.type, item.defaultValue) {
            case (.boolean, .boolean(let value)): return [[(item.name, String(!value))]]
            case (.string, .string(let value)):
                return item.choices.filter { $0 != value }.map { [(item.name, $0)] }
            case (.number, .number(0)) where item.minimum == 0 && item.maximum <= 1 && item.maximum > 0.25:
                return [[(item.name, "0.25")]]
            case (.integer, .integer(0)) where item.maximum >= 2: return [[(item.name, "2")]]
            default: return []
            }
        }
    }

    /// What is left of the defaults where integers of more than 1 (a rank, a block) are as small as they may be: all of them,
    /// and each by itself. Not all of them need be possible.
    package static func smaller(than plugin: PluginDescription, given: Options) -> [Options] {
        let small = plugin.hyperparameters.compactMap { item -> (name: String, text: String)? in
            guard case .integer(let value) = item.defaultValue, !given.contains(where: { $0.name == item.name })
            else { return nil }
            let text = item.smallValue(1)
            return value > 1 && text != String(value) ? (item.name, text) : nil
        }
        return small.count > 1 ? [small] + small.map { [$0] } : small.map { [$0] }
    }

    /// As a user types them, for messages: "use_dora=true".
    package static func text(_ options: Options) -> String {
        options.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
    }
}
