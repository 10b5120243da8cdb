"""What answers say of their pages in other languages than English: the English word for each.

Words are without accents, as `word_of` writes them.
"""

from __future__ import annotations

_WORDS = {
    "next": (
        "suivant suivante pagesuivante urlsuivante liensuivant prochain prochaine prochainepage "
        "siguiente paginasiguiente siguientepagina proximo proxima proximapagina paginaproxima "
        "prossimo prossima prossimapagina successivo successiva paginasuccessiva nachste naechste "
        "nachsteseite naechsteseite weiter volgende volgendepagina nastasida nasteside naesteside"
    ),
    "hasmore": (
        "weitere weitereseiten weitereergebnisse weiteretreffer weiteredaten weiteredatensatze "
        "weiteredatensaetze weiterevorhanden hatweitere hatmehr mehrvorhanden haymas masresultados "
        "maisresultados temmais heeftmeer meerresultaten aencore"
    ),
    "lastpage": (
        "letzteseite istletzteseite dernierepage estdernierepage ultimapagina esultimapagina "
        "laatstepagina sistasidan"
    ),
    "totalpages": (
        "seitengesamt gesamtseiten gesamtseitenzahl anzahlseiten seitenanzahl nombrepages "
        "nombredepages totaldespages totalpaginas paginastotal paginastotales totaldepaginas "
        "numerodepaginas numeropaginas numpaginas totalepagine paginetotali numeropagine "
        "aantalpaginas totaalpaginas antalsidor"
    ),
    "page": (
        "seite aktuelleseite seitennummer pagina paginaactual paginaatual paginacorrente "
        "numeropagina pageactuelle pagecourante numeropage huidigepagina"
    ),
    "total": (
        "gesamt gesamtzahl gesamtanzahl gesamttreffer insgesamt anzahlgesamt trefferanzahl "
        "anzahltreffer nombretotal totalgeneral totalregistros totalresultados totalderegistros "
        "totale totaal totaalaantal"
    ),
    "message": (
        "meldung meldungen hinweis hinweise mensaje mensajes mensagem mensagens aviso avisos "
        "avertissement avertissements messaggio messaggi avviso avvisi melding meldingen"
    ),
    "count": "anzahl cantidad quantidade aantal antal",
}
ENGLISH = {word: english for english, words in _WORDS.items() for word in words.split()}
