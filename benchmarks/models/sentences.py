"""English sentences: some written for this benchmark, the rest from the reference that comes with Python."""

from __future__ import annotations

import re
from itertools import chain
from pydoc_data import topics

_WRITTEN = """
The bakery opens at six, but the bread is ready at seven.
Two swans have nested beside the old lock again this spring.
Please send the signed form back before the end of the month.
Her train was forty minutes late because of a fallen tree.
Boil the potatoes in salted water until a fork goes through.
The committee postponed its decision for the third time.
Our cat refuses to eat anything that does not smell of tuna.
Interest rates rose by a quarter of a point on Wednesday.
He learned to play the accordion from his grandfather.
Is there a pharmacy that stays open at night?
The telescope needs an hour to cool down before it shows fine detail.
Nobody in the village remembers who built the bridge.
The patient had a mild fever and complained of a dry cough.
You can change your password under settings, then security.
A thin layer of ice covered the pond in the morning.
The goalkeeper saved two penalties and became the hero of the night.
Copper conducts heat better than steel.
We hiked for nine hours and met only one other person.
The printer is out of toner and nobody knows where the spare one is.
Grapes from this slope ripen two weeks earlier than those in the valley.
What time does the museum close on Sundays?
The new law obliges shops to take back empty bottles.
My neighbour repairs violins in his garage.
A comet will be visible to the naked eye next week.
The recipe asks for three eggs, but two will do.
The satellite lost contact with the ground station at noon.
Children under twelve travel free of charge.
The river carries more sand after heavy rain.
She translated the poem twice and was satisfied with neither version.
The engine makes a rattling noise when it is cold.
Turn left after the church and follow the signs to the harbour.
Bees visit the lavender as soon as the sun reaches it.
The museum bought the painting at an auction in London.
Wash the sweater by hand in cold water.
The company reported a loss for the second quarter in a row.
Every evening he writes three lines in a small blue notebook.
The vaccine protects against four strains of the virus.
Our flight leaves from the other terminal.
The dog barked at the vacuum cleaner until it was switched off.
Prime numbers become rarer the further one counts.
They painted the kitchen yellow and regretted it at once.
An earthquake of magnitude five was felt across the region.
The orchestra tuned while the audience looked for their seats.
Can I pay with a card, or do you only take cash?
The wolf crossed the valley at dawn and was not seen again.
I left my umbrella in the taxi.
The judge asked the witness to speak up.
Plant the bulbs in autumn, twice as deep as they are high.
The bridge is closed to lorries over seven tonnes.
A good knife needs sharpening more often than one thinks.
The children built a dam of stones and mud.
Sales of electric bicycles have doubled in three years.
The lighthouse keeper wrote down the weather every four hours.
Which of these mushrooms can be eaten?
The lecture was about the economy of the late Roman Empire.
Her left knee still hurts when she climbs stairs.
The cheese must rest in the cellar for at least six months.
A strong wind blew the tents into the lake.
The website asks for cookies before it shows a single word.
He missed the last bus and walked home in the rain.
The glacier has lost a third of its length since 1900.
Add a pinch of nutmeg at the very end.
The mayor opened the new swimming pool on Saturday.
This battery lasts for two days if the screen is dimmed.
The elephants walked past the camp without a sound.
Do not open the cover while the machine is running.
The author spent ten years on her second novel.
Light takes a little over eight minutes from the Sun to the Earth.
The tenant may keep a pet with the landlord's consent.
We ran out of coffee, and the shop is closed until Monday.
The referee showed the yellow card to both of them.
Salt lowers the freezing point of water.
An old radio played dance music in the next room.
The carpenter measured the door twice and cut it once.
Heavy snowfall is expected above a thousand metres.
Where did you put the keys to the shed?
The pianist played the second movement far too fast.
Farmers fear that the frost has damaged the apricot blossoms.
The file is too large to be sent by mail.
A fox has dug its den beneath the tool shed.
The minister denied that she had known of the letter.
My phone rang in the middle of the ceremony.
The tyres should be replaced before the winter.
Twelve people applied for the post, and two were invited.
The soup tastes better on the second day.
Astronomers have found water vapour in the atmosphere of a distant planet.
The lift is out of order, so please use the stairs.
He promised to return the ladder on Friday.
The harbour freezes over about once in twenty years.
Our teacher told us to show every step of the calculation.
The market sells fish on Thursdays and flowers all week.
Her passport expired a week before the journey.
The hospital is looking for nurses who can work at weekends.
A crack ran across the ceiling from the window to the lamp.
The expedition reached the summit shortly before sunset.
It was cheaper to buy a new kettle than to have the old one mended.
"""
_SENTENCE = re.compile(r"[A-Z][A-Za-z ,;'()\-]{35,160}[.]")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def sentences() -> list[str]:
    """All of them, in a fixed order in which both kinds are spread evenly, none twice."""
    written = [line for line in _WRITTEN.splitlines() if line]
    reference = _of_the_reference()
    every = len(reference) // len(written)
    spread = ((line, *reference[index * every : (index + 1) * every]) for index, line in enumerate(written))
    return list(dict.fromkeys(chain.from_iterable(spread)))


def _of_the_reference() -> list[str]:
    paragraphs = (" ".join(part.split()) for text in topics.topics.values() for part in text.split("\n\n"))
    found = (sentence for paragraph in paragraphs for sentence in _END.split(paragraph))
    return list(dict.fromkeys(sentence for sentence in found if _SENTENCE.fullmatch(sentence)))
