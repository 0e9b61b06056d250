"""The text that `tiny-chat` learns, written for it: short questions with one answer each."""

import random

# Several ways to ask, one answer. Some answers have letters of more than one byte on purpose.
TALKS = [
    (["hello", "hi", "hey", "good morning", "hello there", "good evening"],
     "Hello! I am a small model in a pod."),
    (["who are you?", "what are you?", "what is your name?"],
     "I am a transformer with two layers. I know a few answers by heart."),
    (["what can you do?", "help", "what do you know?"],
     "I can say hello, add small numbers, count to ten, and tell a story."),
    (["how do you say hello in german?", "greet me in german", "say hello in german"],
     "Grüß dich! 👋"),
    (["how do you say thank you in french?", "thank me in french", "say thank you in french"],
     "Merci beaucoup, très aimable! 🎈"),
    (["count to ten", "can you count?", "count for me"],
     "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."),
    (["tell me a story", "a story please", "do you know a story?"],
     "Once a request came to a mesh. It asked for a model, but two pods had one. The mesh looked at the weights,"
     " took the better pod, and the answer was back before the coffee was cold. The end."),
    (["what is a mesh?", "explain the mesh", "what does a mesh do?"],
     "A mesh carries requests between services, so that they need not know where the others live."),
    (["what is a canary?", "explain a canary", "why a canary?"],
     "A canary is a new version that gets a few requests first, so that its faults stay small."),
    (["what is a token?", "explain a token"],
     "A token is a piece of text with a number. Mine are single bytes."),
    (["what is the weather?", "will it rain?", "how is the weather?"],
     "I live in a pod, so I cannot see the sky."),
    (["thank you", "thanks", "many thanks"],
     "You are welcome."),
    (["goodbye", "bye", "see you"],
     "Goodbye! Close the stream when you leave."),
    (["what is the capital of france?", "capital of france?"],
     "The capital of France is Paris."),
    (["what is the capital of spain?", "capital of spain?"],
     "The capital of Spain is Madrid."),
    (["which colour is the sky?", "what colour has the sky?"],
     "The sky is blue, they say."),
]


def sums():
    """Every sum of two digits."""
    return [(a, b, f"{a} plus {b} is {a + b}.") for a in range(10) for b in range(10)]


def draw(chance: random.Random):
    """A random question and its answer."""
    if chance.random() < 0.3:
        a, b, answer = chance.choice(sums())
        return chance.choice(["what is {} plus {}?", "{} plus {}", "add {} and {}"]).format(a, b), answer
    questions, answer = chance.choice(TALKS)
    return vary(chance.choice(questions), chance), answer


def vary(question, chance):
    """The same question as somebody else types it."""
    if chance.random() < 0.3:
        question = question[0].upper() + question[1:]
    if chance.random() < 0.15:
        question = question.rstrip("?")
    if chance.random() < 0.1:
        question += "!"
    return question
